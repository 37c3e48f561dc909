"""The controller: wake up, claim what may start, walk it, keep the leases. Start reading here.

All state is in PostgreSQL. Any number of controllers may run; one that dies is replaced by another
that takes over its leases and adopts its running pods.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import psycopg
from django.utils import timezone
from psycopg_pool import AsyncConnectionPool

from gantry.base import postgres
from gantry.base.bridge import in_thread
from gantry.base.config import Settings
from gantry.base.errors import EngineError, JobFailure
from gantry.control.build_walk import BuildWalk
from gantry.control.cache import care
from gantry.control.claim import Holder
from gantry.control.clusters import Clusters
from gantry.control.commit_status import COMMIT_STATUSES
from gantry.control.drift import watch_tags
from gantry.control.forward import keep_forwarding
from gantry.control.inspections import Inspections
from gantry.control.notify import NOTIFICATIONS
from gantry.control.outbox import send_pending
from gantry.control.pace import Pace
from gantry.control.seat import Size
from gantry.control.sweep import end_canceled, make_partitions, sweep_pods
from gantry.control.system_walk import SystemWalk
from gantry.control.waiting import explain_waiting
from gantry.control.walk import Walk, World, run
from gantry.control.workflows import advance_workflows
from gantry.path.pull import Puller
from gantry.pods.contract import Engine
from gantry.pods.docker_images import DockerImages
from gantry.record import host_metrics
from gantry.record.forward.lines import keep
from gantry.record.ingest import POOL
from gantry.resources.jobs import Installation, UnifiedJob

logger = logging.getLogger(__name__)
TICK = 1.0
SWEEP = 60.0
Duties = Sequence[Callable[[], Coroutine[Any, Any, None]]]
EARLY = ("resolving", "pulling", "preparing", "starting")  # a job about to start


class Control:
    """One controller process. `tick` is one turn of the loop; tests turn it by hand."""

    def __init__(
        self, settings: Settings, engine: Engine, instance: str, triggers: Duties = ()
    ) -> None:
        self.settings = settings
        self.triggers = triggers
        pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
            postgres.url(settings), min_size=1, max_size=6, open=False,
            kwargs={"autocommit": True}, **POOL,
        )  # fmt: skip
        self.world = World(settings, instance, engine, Puller(engine), pool)
        self.clusters = Clusters(self.world)
        self.images = DockerImages(engine.name)
        self.inspections = Inspections(settings, instance, engine, self.images)
        self.holder = Holder.here(settings.lease, settings.capacity)
        self.walks: dict[int, tuple[Walk, asyncio.Task[None]]] = {}
        self.tidied: datetime | None = None
        self.claims, self.words = Pace(200), Pace(200, busy=20)
        self.wake = asyncio.Event()
        self.stopping = asyncio.Event()

    async def run(self) -> None:
        """Until told to stop. A database that is away stops nothing but the taking of new jobs."""
        # Walks wait for the database in threads; the leases must not queue up behind them.
        threads = ThreadPoolExecutor(self.settings.capacity + 16, thread_name_prefix="rows")
        asyncio.get_running_loop().set_default_executor(threads)
        await self.world.pool.open()
        duties = (
            self._listen(), self._keep_leases(), self._sweep(),
            watch_tags(self.world.engine, self.settings.drift_check),
            care(self.images, self.settings), send_pending(NOTIFICATIONS),
            send_pending(COMMIT_STATUSES), keep_forwarding(),
            *(trigger() for trigger in self.triggers),
        )  # fmt: skip
        beside = [asyncio.create_task(duty) for duty in duties]
        try:
            woken = True
            while not self.stopping.is_set():
                try:
                    await self.tick(woken=woken)
                except Exception as error:
                    logger.warning("the loop could not turn: %s", error)
                    await asyncio.sleep(TICK)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.wake.wait(), TICK)
                woken = self.wake.is_set()
                self.wake.clear()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await self.close()

    def stop(self) -> None:
        self.stopping.set()
        self.wake.set()

    async def tick(self, *, woken: bool = True) -> None:
        """Move workflows on, take over what others lost, claim what may start, tell walks of
        cancels. Not `woken`, it looks at long lines less often (pace.py)."""
        self.walks = {pk: pair for pk, pair in self.walks.items() if not pair[1].done()}
        if await in_thread(advance_workflows)():
            self.wake.set()
        room = self.settings.capacity - len(self.walks)
        if room > 0:
            for job in await in_thread(self.holder.steal)(room, self._walking()):
                logger.info("job %s: adopting it at stage %s", job.pk, job.stage)
                await self._begin(job)
            room = self.settings.capacity - len(self.walks)
        if room > 0 and self.claims.due(woken=woken):
            with self.claims:
                claimed = await in_thread(self.holder.claim)(room)
            for job in claimed:
                await self._begin(job)
        await self._pass_on_cancels()
        await in_thread(end_canceled)()
        if self.words.due(woken=woken):
            with self.words:
                await in_thread(explain_waiting)(self.settings.lease)
        await self.inspections.turn(quiet=not any(w.job.stage in EARLY for w, _ in self._live()))

    def _walking(self) -> list[int]:
        return [walk.job.pk for walk, _ in self._live()]

    def _live(self) -> list[tuple[Walk, asyncio.Task[None]]]:
        return [pair for pair in self.walks.values() if not pair[1].done()]

    async def _begin(self, job: UnifiedJob) -> None:
        old = self.walks.pop(job.pk, None)
        if old is not None:
            old[1].cancel()
        if job.kind == "environment_build":
            walk: Walk = BuildWalk(self.world, job, self.images)
        elif job.kind == "system_job":
            walk = SystemWalk(self.world, job, self.images)
        else:
            placed = await self._placed(job)
            if placed is None:
                return
            walk = placed
        task = asyncio.create_task(run(walk), name=f"job {job.pk}")
        task.add_done_callback(lambda _: self.wake.set())
        self.walks[job.pk] = (walk, task)

    async def _placed(self, job: UnifiedJob) -> Walk | None:
        """None for a pod in a cluster that cannot be told now: its lease runs out, and whoever
        takes it then asks again."""
        try:
            return Walk(await self.clusters.world_of(job), job)
        except JobFailure as failure:
            if not job.pod_name:
                return Walk(self.world, job, failure)
            logger.warning("job %s: %s", job.pk, failure.sentence)
            return None

    async def _pass_on_cancels(self) -> None:
        if not self.walks:
            return
        for pk in await in_thread(_cancel_flags)(list(self.walks)):
            await self.walks[pk][0].cancel()

    async def _listen(self) -> None:
        """Wake up at once when something is launched, cancelled or ended anywhere."""
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    postgres.url(self.settings), autocommit=True
                ) as connection:
                    await connection.execute("LISTEN gantry_control")
                    self.wake.set()
                    async for _ in connection.notifies():
                        self.wake.set()
            except psycopg.Error as error:
                logger.warning("not listening to the database: %s", error)
            await asyncio.sleep(TICK)

    async def _keep_leases(self) -> None:
        """Renew three times a lease. A walk whose lease was lost stops acting at once."""
        while True:
            with contextlib.suppress(Exception):
                held = await in_thread(self.holder.renew)(self._walking())
                for pk, (walk, task) in list(self.walks.items()):
                    if pk not in held and walk.job.active and not task.done():
                        await self._check_lost(pk, task)
            await asyncio.sleep(self.settings.lease / 3)

    async def _check_lost(self, pk: int, task: asyncio.Task[None]) -> None:
        """Claimed after the renewal was sent, ended just now, or truly taken over by another."""
        owner = await in_thread(_owner)(pk)
        if owner is not None and owner != self.holder.uuid:
            logger.warning("job %s: its lease was lost", pk)
            task.cancel()

    async def _sweep(self) -> None:
        while True:
            with contextlib.suppress(Exception):
                await self._weigh()
                await in_thread(make_partitions)(postgres.url(self.settings))
                await in_thread(self._daily)()
                await sweep_pods(self.world.engine, self.world.instance)
                await self.clusters.sweep()
            await asyncio.sleep(SWEEP)

    def _daily(self) -> None:
        now = timezone.now()
        if self.tidied is None or now - self.tidied > timedelta(days=1):
            host_metrics.tidy(now)
            self.tidied = now

    async def _weigh(self) -> None:
        """What fits here goes by the machine that runs the pods, which the engine knows."""
        with contextlib.suppress(EngineError):
            cpu, memory = await self.images.machine()
            await in_thread(self.holder.weigh)(Size(cpu, memory))

    async def close(self) -> None:
        """Give back what is held; pods go on, and whoever adopts them goes on with them."""
        tasks = [task for _, task in self.walks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.inspections.close()
        with contextlib.suppress(Exception):
            await in_thread(self.holder.release)()
        await self.world.pool.close()
        await self.world.engine.close()
        await self.clusters.close()
        await self.images.close()


def _cancel_flags(jobs: list[int]) -> list[int]:
    return list(
        UnifiedJob.objects.filter(pk__in=jobs, cancel_flag=True).values_list("pk", flat=True)
    )


def _owner(job: int) -> object:
    return UnifiedJob.objects.filter(pk=job).values_list("lease_owner", flat=True).first()


async def serve(settings: Settings, engine: Engine, triggers: Duties = ()) -> None:
    """The controller process: `gantry controller`. `triggers` go on beside the loop: what starts
    jobs that nobody clicked."""
    instance = await in_thread(lambda: str(Installation.objects.get().uuid))()
    control = Control(settings, engine, instance, triggers)
    keep()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, control.stop)
    logger.info("controller ready, engine %s", engine.name)
    await control.run()
