"""THE WALK: one job along the steps of gantry.path, in order. The whole story is in `walk`.

Every step is written down before it is taken and may be taken again: another controller enters
the same story at the stage the row says. Each step does one thing and returns what happened.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from psycopg_pool import AsyncConnectionPool

from gantry.base.config import Settings
from gantry.base.errors import EngineBusy, EngineError, EngineUnreachable, Fenced, JobFailure
from gantry.control import rows
from gantry.control.which_digest import by_the_tags_digest
from gantry.path import finish
from gantry.path.cleanup import remove_pod
from gantry.path.nearest import digest_gone
from gantry.path.payload import Payload
from gantry.path.pod import (
    GO,
    build_pod_spec,
    create_pod,
    hello,
    orders,
    pod_name,
    start_pod,
    until_ready,
)
from gantry.path.pull import Puller
from gantry.path.stream import Ended, JobStream, PodEnded, PodNotBegun
from gantry.path.trust import Proof, SignatureChecker
from gantry.pods.contract import Engine, Image, PodSpec, PodStream
from gantry.pods.frames import Frame
from gantry.record.ingest import Recorder
from gantry.resources.jobs import UnifiedJob

logger = logging.getLogger(__name__)
T = TypeVar("T")
MOST_ATTEMPTS = 5
NO_PAYLOAD = 4  # exit code of pods/agent: it never had the whole payload
BUSY_PAUSE = 3.0
CLEANUP_PAUSES = (0.0, 0.5, 2.0, 5.0, 15.0, 30.0)


@dataclass
class World:
    """What every walk of this controller shares."""

    settings: Settings
    instance: str
    engine: Engine
    puller: Puller
    pool: AsyncConnectionPool[Any]
    signatures: SignatureChecker = field(default_factory=SignatureChecker)


class Canceled(Exception):
    """A cancel came before the pod was started."""


class Walk:
    """One job in this controller's hands."""

    def __init__(self, world: World, job: UnifiedJob, fault: JobFailure | None = None) -> None:
        """`fault`: what keeps the job from taking its first step."""
        self.world, self.job, self._fault = world, job, fault
        self._stream: JobStream | None = None
        self._cancel = asyncio.Event()
        if job.cancel_flag:
            self._cancel.set()

    async def walk(self) -> None:
        """From wherever the row stands to its end. Raises only when cancelled or by a bug."""
        job = self.job
        try:
            if self._fault is not None:
                raise self._fault
            while job.active:
                try:
                    await self._finish(await self._verdict())
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

    async def _verdict(self) -> finish.Verdict:
        kept = rows.kept_verdict(self.job)
        return kept or await self._decide(await self._to_the_end_of_the_pod())

    async def _to_the_end_of_the_pod(self) -> Ended | PodEnded:
        """Resolve, pull, prepare, start, stream: or, after a crash, what is left of these."""
        if self.job.exit is not None:
            return Ended(self.job.exit)
        if self.job.stage in ("starting", "running", "cleaning"):
            return await self.stream(None)
        image = await self._when_the_engine_answers(self._image)
        payload = await self.prepare()
        return await self.stream(await self.start(image, payload))

    # -- the steps ------------------------------------------------------------------------------

    async def _image(self) -> Image:
        return await self.pull(await self.resolve())

    async def resolve(self) -> rows.Resolved:
        self._check_cancel()
        await rows.enter(self.job, "resolving")
        return await rows.resolve(self.job)

    async def pull(self, resolved: rows.Resolved) -> Image:
        self._check_cancel()
        await rows.enter(self.job, "pulling")
        progress = rows.PullReporter(self.job)
        obtain = asyncio.create_task(self.world.puller.obtain(resolved.request, progress.take))
        try:
            obtained = await self._unless_canceled(obtain)
        except JobFailure as failure:
            if not resolved.request.digest:
                raise
            around = await rows.around(self.job, resolved)
            raise await digest_gone(
                self.world.engine, resolved.request, failure, around
            ) from failure
        finally:
            await progress.close()
        obtained = await by_the_tags_digest(self.world.engine, resolved, obtained)
        proof = await self._check_signature(resolved, obtained.image)
        await rows.keep_image(self.job, resolved, obtained, proof)
        return obtained.image

    async def _check_signature(self, resolved: rows.Resolved, image: Image) -> Proof | None:
        check = self.world.signatures.check(
            resolved.trust, resolved.request, image.digest, rows.earlier_proof
        )
        return await self._unless_canceled(asyncio.create_task(check))

    async def prepare(self) -> Payload:
        self._check_cancel()
        await rows.enter(self.job, "preparing")
        return await rows.prepare(self.job, self.world.settings)

    async def start(self, image: Image, payload: Payload) -> PodStream:
        """Raises PodNotBegun when the engine went away: what it has made of it is not known, but
        the payload's end was not sent."""
        self._check_cancel()
        job, world = self.job, self.world
        name = pod_name(world.instance, job.pk, job.attempt + 1)
        await rows.enter_starting(job, name, payload.secrets)
        spec = build_pod_spec(job, world.instance, image.id, payload.on_disk, world.settings)
        try:
            pod = await self._room_for(spec)
            stream = await start_pod(world.engine, pod, hello(job))
        except EngineUnreachable as error:
            raise PodNotBegun from error
        try:
            await rows.keep_pod(job, pod)
            await self._send(stream, payload)
        except BaseException as error:
            await stream.close()
            if isinstance(error, Fenced):
                await self._remove_if_stray(pod, name)
            raise
        return stream

    async def _room_for(self, spec: PodSpec) -> str:
        """Create the pod, and wait until it can be started: where a cluster has no room for it the
        job says what it waits for, and a cancel ends the wait."""
        while True:
            try:
                pod = await create_pod(self.world.engine, spec)
                break
            except EngineBusy as busy:
                await rows.tell_waiting(self.job, busy.sentence)
            await self._pause(BUSY_PAUSE)
            self._check_cancel()
        told = rows.WaitReporter(self.job)
        try:
            ready = asyncio.create_task(until_ready(self.world.engine, pod, told.take))
            await self._unless_canceled(ready)
        finally:
            await told.close()
        await rows.tell_waiting(self.job, "")
        return pod

    async def _send(self, stream: PodStream, payload: Payload) -> None:
        try:
            async for piece in rows.pieces(orders(payload)):
                await stream.write(piece)
            await rows.enter(self.job, "running")
            await stream.write(GO)
        except EngineUnreachable as error:
            # Whether all of it arrived the agent itself will say at the next hello.
            logger.warning("job %s: payload cut: %s", self.job.pk, error)

    async def stream(self, first: PodStream | None) -> Ended | PodEnded:
        """Follow the pod, adopting it when `first` is None."""
        recorded = await rows.recorded_job(self.job)
        recorder = Recorder(self.world.pool, recorded.job, recorded.redactor, recorded.hosts)

        async def record(frames: list[Frame]) -> int:
            if self.job.stage == "starting":  # the controller that sent the payload was killed
                await rows.enter(self.job, "running")
            return await recorder.record(frames)

        pod = self.job.pod_id or self.job.pod_name
        self._stream = JobStream(self.world.engine, self.job, pod, record)
        if self._cancel.is_set():
            await self._stream.cancel("canceled")
        outcome = await self._stream.follow(first)
        if isinstance(outcome, PodEnded):
            if self._never_begun(outcome):
                raise PodNotBegun
            outcome.complaints = recorded.redactor.text(outcome.complaints)
        return outcome

    def _never_begun(self, outcome: PodEnded) -> bool:
        """Certainly nothing has run: its payload's end was never sent, or the agent says so by its
        exit code 4. No failure of the job: a controller was killed or the engine went away."""
        if self.job.acknowledged:
            return False
        state = outcome.state
        lost = self.job.stage == "starting" and (state.gone or state.state == "created")
        return lost or state.exit_code == NO_PAYLOAD

    async def _decide(self, outcome: Ended | PodEnded) -> finish.Verdict:
        last = ""
        if isinstance(outcome, Ended):
            self.job.exit = outcome.values  # the recorder wrote it; clean-up's proof quotes it
        if isinstance(outcome, PodEnded) or outcome.values.get("rc") != 0:
            last = await rows.last_output(self.job)
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
        if verdict.status == "successful" and self.job.kind == "inventory_update":
            await rows.take_over_hosts(self.job)
        if self.job.kind == "job" and self.job.exit is not None:
            await rows.keep_facts(self.job)
        await self._clean(verdict)
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

    async def _unless_canceled(self, task: asyncio.Task[T]) -> T:
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

    async def _when_the_engine_answers(self, step: Callable[[], Awaitable[Image]]) -> Image:
        """The step, tried again while the engine has no room, and while it is away for as long as
        the settings say."""
        pause, deadline = 0.2, time.monotonic() + self.world.settings.engine_patience
        while True:
            try:
                done = await step()
                await rows.tell_waiting(self.job, "")
                return done
            except EngineBusy as busy:  # room may be made at any time, or after days
                await rows.tell_waiting(self.job, busy.sentence)
                deadline = time.monotonic() + self.world.settings.engine_patience
            except EngineUnreachable as error:
                if time.monotonic() > deadline:
                    raise
                await rows.tell_waiting(self.job, error.sentence)
            await self._pause(pause)
            pause = min(pause * 2, 3.0)

    async def _pause(self, seconds: float) -> None:
        """Shorter when a cancel comes."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._cancel.wait(), seconds)

    async def _start_over(self) -> None:
        """Nothing has run yet: a new pod under a new name, from the first step."""
        job = self.job
        self._stream = None
        # Until the row no longer names the pod, an adopter must find that it never began.
        await rows.enter(job, "starting")
        cleaned = await remove_pod(
            self.world.engine, job.pod_id or job.pod_name, job.pod_name, None
        )
        if not cleaned.gone:
            logger.warning("job %s: pod %s is left to the sweep", job.pk, job.pod_name)
        if job.attempt >= MOST_ATTEMPTS:
            raise JobFailure(
                f"The pod was started {job.attempt} times and never took its payload.",
                cure="See the controller's log; `gantry doctor` checks the engine.",
                code="pod_not_started",
            )
        await rows.back_to_start(job)

    async def _give_up(self, verdict: finish.Verdict) -> None:
        try:
            await self._clean(verdict)
            await rows.end(self.job, verdict)
        except Fenced:
            logger.info("job %s: taken over by another controller", self.job.pk)

    async def _clean(self, verdict: finish.Verdict) -> None:
        """Remove the pod and keep the proof. An engine that is away is waited for, then swept."""
        job = self.job
        if not job.pod_name:
            return
        await rows.enter_cleaning(job, verdict)
        erased = (job.exit or {}).get("erased")
        for pause in CLEANUP_PAUSES:
            await asyncio.sleep(pause)
            cleaned = await remove_pod(
                self.world.engine, job.pod_id or job.pod_name, job.pod_name, erased
            )
            if cleaned.gone:
                break
        await rows.keep_proof(job, cleaned.proof)

    async def _remove_if_stray(self, pod: str, name: str) -> None:
        """The lease was lost while the pod was made: who has it now may never have seen the pod."""
        if await rows.expected_pod(self.job.pk) != name:
            with contextlib.suppress(EngineError):
                await self.world.engine.remove(pod)


async def run(walk: Walk) -> None:
    """A walk as a task: a lost database is no end of a job, its lease is."""
    try:
        await walk.walk()
    except Exception:
        logger.exception("job %s: left for another controller", walk.job.pk)
