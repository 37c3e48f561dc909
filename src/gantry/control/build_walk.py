"""The walk of a build: definition, base image, context, build, look inside, lock, name, push.

Its errors, cancel and clean-up are those of every walk. A build cannot be adopted: its engine ends
it with its controller, so the next one begins it anew, and the layer cache makes up for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from gantry.base.errors import EngineError, EngineUnreachable, InvalidInput, JobFailure
from gantry.control import build_rows, rows
from gantry.control.walk import Walk, World
from gantry.images.builder import run
from gantry.images.ecr import current_login
from gantry.images.pull_errors import explain
from gantry.path.finish import Verdict
from gantry.pods.contract import LABEL_ATTEMPT, LABEL_INSTANCE, LABEL_JOB, Image
from gantry.pods.docker_images import DockerImages
from gantry.pods.frames import Frame, Kind
from gantry.record.ingest import Recorder
from gantry.resources.jobs import UnifiedJob

T = TypeVar("T")
SCRATCH = "localhost/gantry/build"
AT_ONCE = 500  # lines written in one piece
PAUSE = 0.1  # seconds that lines are gathered


class BuildWalk(Walk):
    def __init__(self, world: World, job: UnifiedJob, images: DockerImages) -> None:
        super().__init__(world, job)
        self._images = images

    async def _verdict(self) -> Verdict:
        kept = rows.kept_verdict(self.job)
        if kept is not None:
            return kept
        if self.job.stage in ("starting", "running", "cleaning"):
            await self._forget_earlier()
            await rows.back_to_start(self.job)
        record = await build_rows.record(self.job)
        output = Output(record, self.world)
        try:
            return await self._while_it_may(self._build(output, record.pip))
        except (JobFailure, EngineError) as error:
            await output.say(f"ERROR: {error.sentence}")
            raise
        finally:
            await output.close()

    async def _build(self, output: Output, pip: Mapping[str, str]) -> Verdict:
        if output.goes_on:
            await output.say("-- A controller ended while it built this: begun anew. --")
        with build_rows.folder() as folder:
            await rows.enter(self.job, "resolving")
            try:
                order = await build_rows.order(self.job, self._scratch(), folder)
            except InvalidInput as error:
                raise JobFailure(
                    error.sentence, cure=error.cure, code=error.code, status="failed"
                ) from error
            tools = await self._tools(pip)
            await rows.enter(self.job, "pulling")
            bases = await run.get_bases(order, tools, output.say)
            await build_rows.keep_base(self.job, bases.base.digest)
            await rows.enter(self.job, "preparing")
            await build_rows.enter_running(self.job, tools.pod)
            built = await run.build(order, bases, tools, output.say)
        try:
            await self._publish(built, output)
        finally:
            await asyncio.shield(run.forget(self._images, self._scratch()))
        return Verdict("successful")

    # -- parts of it ----------------------------------------------------------------------------

    def _scratch(self, epoch: int = 0) -> str:
        """A name no other controller uses, should this one lose its lease and not know it yet."""
        job = self.job
        return f"{SCRATCH}:{self.world.instance[:8]}-{job.pk}-{epoch or job.lease_epoch}"

    async def _forget_earlier(self) -> None:
        for epoch in range(1, self.job.lease_epoch):
            await run.forget(self._images, self._scratch(epoch))

    async def _tools(self, pip: Mapping[str, str]) -> run.Tools:
        instance, job = self.world.instance, self.job
        labels = {
            LABEL_INSTANCE: instance, LABEL_JOB: str(job.pk), LABEL_ATTEMPT: str(job.attempt + 1),
        }  # fmt: skip
        request = await build_rows.pull_requests(job)

        async def pull(reference: str, digest: str) -> Image:
            asked = request(reference, digest)
            reporter = rows.PullReporter(job)
            try:
                return await self.world.puller.ensure(asked, reporter.take)
            finally:
                await reporter.close()

        return run.Tools(
            self.world.engine, self._images, pull, f"gantry-{instance[:8]}-{job.pk}-look", labels,
            self.world.settings.pod_user, pip,
        )  # fmt: skip

    async def _publish(self, built: run.Built, output: Output) -> None:
        """Name and push. What fails leaves the name with the image that had it."""
        push = await build_rows.push(self.job)
        before = await self.world.engine.image(push.reference)
        await self._images.tag(built.image.id, push.reference)
        try:
            digest = await self._push(push, output) if push.wanted else ""
        except BaseException:
            await asyncio.shield(self._give_name_back(push.reference, before))
            raise
        named = await self.world.engine.image(push.reference) or built.image
        image = Image(built.image.id, digest or named.digest, built.image.platform)
        await output.say(f"{push.reference} is {image.digest}")
        await output.flush()
        await build_rows.keep_result(self.job, built, image, push.wanted)

    async def _push(self, push: build_rows.Push, output: Output) -> str:
        await output.say(f"Pushing {push.reference}")
        reporter = rows.PullReporter(self.job)
        try:
            login = await current_login(push.reference, push.login)
            return await self._images.push(push.reference, login, reporter.take)
        except EngineUnreachable:
            raise
        except EngineError as error:
            why = explain(push.reference, error.sentence, unknown="The image could not be pushed")
            raise JobFailure(
                f"The image was built, but not pushed. {why.sentence}", cure=why.cure,
                code=why.code,
            ) from error  # fmt: skip
        finally:
            await reporter.close()

    async def _give_name_back(self, reference: str, before: Image | None) -> None:
        with contextlib.suppress(EngineError):
            if before is not None:
                await self._images.tag(before.id, reference)
            else:
                await self._images.delete(reference)

    async def _while_it_may(self, building: Coroutine[Any, Any, T]) -> T:
        """Its result; ended by a cancel (Canceled) and by the time limit (JobFailure)."""
        limit = build_rows.limit(self.world.settings)
        try:
            async with asyncio.timeout(limit):
                return await self._unless_canceled(asyncio.create_task(building))
        except TimeoutError as error:
            raise JobFailure(
                "The build took longer than its time limit.",
                cure="Raise GANTRY_BUILD_TIMEOUT, or find out above what took so long.",
                code="timeout", status="failed",
            ) from error  # fmt: skip


class Output:
    """The build's lines as the record's events. One begun by another controller goes on."""

    def __init__(self, record: build_rows.Record, world: World) -> None:
        self._recorder = Recorder(world.pool, record.job, record.redactor, {})
        self._sequence, self._counter = record.acknowledged, record.events
        self._line = record.lines
        self.goes_on = record.lines > 0
        self._frames: list[Frame] = []
        self._writing = asyncio.Lock()
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    async def say(self, text: str) -> None:
        """One line. Waits while PostgreSQL cannot keep up."""
        for line in text.splitlines() or [""]:
            self._sequence, self._counter = self._sequence + 1, self._counter + 1
            event = {
                "event": "verbose", "stdout": line, "created": datetime.now(UTC).isoformat(),
                "event_data": {},
            }  # fmt: skip
            body = json.dumps(event).encode()
            self._frames.append(
                Frame(Kind.EVENT, self._sequence, self._counter, self._line, 1, body)
            )
            self._line += 1
        self._wake.set()
        if len(self._frames) >= AT_ONCE:
            await self.flush()

    async def flush(self) -> None:
        async with self._writing:
            frames, self._frames = self._frames, []
            if frames:
                await self._recorder.record(frames)

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.flush()
            await asyncio.sleep(PAUSE)

    async def close(self) -> None:
        """Write the rest. The writer is not interrupted in the middle of a batch."""
        async with self._writing:
            self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await self._task
        await self.flush()
