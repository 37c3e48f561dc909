"""THE WALK: one job along the steps of gantry.path, in order. The whole story is in `walk`.

Every step is written down before it is taken and may be taken again: after a crash `adopt` enters
the same story at the stage the row says. Each step does one thing and returns what happened.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import Any

from psycopg_pool import AsyncConnectionPool

from gantry.base.config import Settings
from gantry.base.errors import EngineError, EngineUnreachable, Fenced, JobFailure
from gantry.control import rows
from gantry.path import finish
from gantry.path.cleanup import remove_pod
from gantry.path.inject import Payload
from gantry.path.pod import build_pod_spec, hello, orders, pod_name, start_pod
from gantry.path.pull import Puller
from gantry.path.stream import Ended, JobStream, PodEnded, PodNotBegun
from gantry.pods.contract import Engine, Image, PodStream
from gantry.record.ingest import Recorder
from gantry.resources.jobs import UnifiedJob

logger = logging.getLogger(__name__)
MOST_ATTEMPTS = 5
ENGINE_PATIENCE = 60.0
CLEANUP_PAUSES = (0.0, 0.5, 2.0, 5.0, 15.0, 30.0)


@dataclass
class World:
    """What every walk of this controller shares."""

    settings: Settings
    instance: str
    engine: Engine
    puller: Puller
    pool: AsyncConnectionPool[Any]


class Canceled(Exception):
    """A cancel came before the pod was started."""


class Walk:
    """One job in this controller's hands."""

    def __init__(self, world: World, job: UnifiedJob) -> None:
        self.world, self.job = world, job
        self._stream: JobStream | None = None
        self._cancel = asyncio.Event()

    async def walk(self) -> None:
        """From wherever the row stands to its end. Never raises but for being cancelled."""
        job = self.job
        try:
            while job.active:
                try:
                    outcome = await self._to_the_end_of_the_pod()
                    await self._finish(await self._decide(outcome))
                except PodNotBegun:
                    await self._start_over()
        except Fenced:
            logger.info("job %s: taken over by another controller", job.pk)
        except Canceled:
            await self._give_up(finish.Verdict("canceled", "canceled", "The job was canceled."))
        except JobFailure as failure:
            await self._give_up(
                finish.Verdict(failure.status, failure.code, failure.sentence, failure.cure)
            )
        except EngineError as error:
            await self._give_up(finish.Verdict("error", error.code, error.sentence, error.cure))
        except Exception as error:
            logger.exception("job %s: the controller failed", job.pk)
            await self._give_up(
                finish.Verdict(
                    "error", "internal", f"Gantry itself failed: {type(error).__name__}: {error}",
                    "This is a bug of Gantry; the controller's log has the traceback.",
                )
            )  # fmt: skip

    async def _to_the_end_of_the_pod(self) -> Ended | PodEnded:
        """Resolve, pull, prepare, start, stream: or, after a crash, what is left of these."""
        if self.job.exit is not None:
            return Ended(self.job.exit)
        if self.job.stage in ("starting", "running", "cleaning"):
            return await self.stream(None)
        image = await self.pull(await self.resolve())
        payload = await self.prepare()
        return await self.stream(await self.start(image, payload), payload)

    # -- the steps ------------------------------------------------------------------------------

    async def resolve(self) -> rows.Resolved:
        self._check_cancel()
        await rows.enter(self.job, "resolving")
        return await rows.resolve(self.job)

    async def pull(self, resolved: rows.Resolved) -> Image:
        self._check_cancel()
        await rows.enter(self.job, "pulling")
        progress = rows.PullReporter(self.job)
        ensure = asyncio.create_task(self.world.puller.ensure(resolved.request, progress.take))
        try:
            image = await self._unless_canceled(ensure)
        finally:
            await progress.close()
        await rows.keep_image(self.job, resolved, image)
        return image

    async def prepare(self) -> Payload:
        self._check_cancel()
        await rows.enter(self.job, "preparing")
        return await rows.prepare(self.job, self.world.settings)

    async def start(self, image: Image, payload: Payload) -> PodStream:
        self._check_cancel()
        job, world = self.job, self.world
        name = pod_name(world.instance, job.pk, job.attempt + 1)
        await rows.enter_starting(job, name, world.engine.name)
        spec = build_pod_spec(job, world.instance, image.id, payload.on_disk, world.settings)
        pod, stream = await start_pod(world.engine, spec, hello(job))
        await rows.keep_pod(job, pod)
        try:
            async for piece in rows.pieces(orders(payload)):
                await stream.write(piece)
        except EngineUnreachable as error:
            # Whether all of it arrived the agent itself will say at the next hello.
            logger.warning("job %s: payload cut: %s", job.pk, error)
        await rows.enter(job, "running")
        return stream

    async def stream(
        self, first: PodStream | None, payload: Payload | None = None
    ) -> Ended | PodEnded:
        """Follow the pod, adopting it when `first` is None."""
        secrets = payload.secrets if payload else None
        recorded = await rows.recorded_job(self.job, secrets)
        recorder = Recorder(self.world.pool, recorded.job, recorded.redactor, recorded.hosts)
        pod = self.job.pod_id or self.job.pod_name
        self._stream = JobStream(self.world.engine, self.job, pod, recorder.record)
        if self._cancel.is_set():
            await self._stream.cancel("canceled")
        outcome = await self._stream.follow(first)
        if isinstance(outcome, PodEnded) and await self._never_begun(outcome):
            raise PodNotBegun
        return outcome

    async def _never_begun(self, outcome: PodEnded) -> bool:
        """A pod that ended before it had the whole payload (exit 4, or never made at all) has run
        nothing; only after a crash of a controller is that no failure of its own."""
        untouched = self.job.acknowledged == 0 and self.job.stage == "starting"
        return untouched and (outcome.state.gone or outcome.state.exit_code == 4
                              or outcome.state.state == "created")  # fmt: skip

    async def _decide(self, outcome: Ended | PodEnded) -> finish.Verdict:
        last = "" if isinstance(outcome, Ended) else await rows.last_output(self.job)
        verdict = finish.decide(self.job.kind, outcome, last)
        if self._cancel.is_set() and isinstance(outcome, PodEnded):
            return finish.Verdict(
                "canceled", "canceled", "The job was canceled.", "", verdict.evidence
            )
        return verdict

    async def _finish(self, verdict: finish.Verdict) -> None:
        """Clean up first, so that a job that reads as finished has left nothing."""
        if verdict.status == "successful" and self.job.kind == "project_update":
            await rows.keep_snapshot(self.job)
        await self._clean()
        await rows.end(self.job, verdict)

    # -- what may come between ------------------------------------------------------------------

    async def cancel(self) -> None:
        """Somebody wants it to end: at the next step, or through the agent while it runs."""
        self._cancel.set()
        if self._stream is not None:
            await self._stream.cancel("canceled")

    def _check_cancel(self) -> None:
        if self._cancel.is_set():
            raise Canceled

    async def _unless_canceled(self, task: asyncio.Task[Image]) -> Image:
        stop = asyncio.create_task(self._cancel.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise Canceled
            return task.result()
        finally:
            for each in (task, stop):
                each.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await each

    async def _start_over(self) -> None:
        """Nothing has run yet: a new pod under a new name, from the first step."""
        if self.job.attempt >= MOST_ATTEMPTS:
            raise JobFailure(
                f"The pod was started {self.job.attempt} times and never took its payload.",
                cure="See the controller's log; `gantry doctor` checks the engine.",
                code="pod_not_started",
            )
        await self._clean()
        await rows.back_to_start(self.job)

    async def _give_up(self, verdict: finish.Verdict) -> None:
        try:
            await self._clean()
            await rows.end(self.job, verdict)
        except Fenced:
            logger.info("job %s: taken over by another controller", self.job.pk)

    async def _clean(self) -> None:
        """Remove the pod and keep the proof. An engine that is away is waited for, then swept."""
        job = self.job
        if not job.pod_name:
            return
        if job.status == "running":
            await rows.enter(job, "cleaning")
        erased = (job.exit or {}).get("erased")
        for pause in CLEANUP_PAUSES:
            await asyncio.sleep(pause)
            cleaned = await remove_pod(
                self.world.engine, job.pod_id or job.pod_name, job.pod_name, erased
            )
            if cleaned.gone:
                break
        await rows.keep_proof(job, cleaned.proof)


async def run(walk: Walk) -> None:
    """A walk as a task: a lost database is no end of a job, its lease is."""
    try:
        await walk.walk()
    except Exception:
        logger.exception("job %s: left for another controller", walk.job.pk)
