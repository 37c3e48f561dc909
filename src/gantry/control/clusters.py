"""Which engine a job's pod is on: this controller's own, or the cluster of its container group."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass, replace
from typing import Any

from gantry.base.bridge import in_thread
from gantry.base.errors import GantryError, JobFailure
from gantry.control.sweep import sweep_pods
from gantry.control.walk import World
from gantry.path.clusters import cluster_of, stamp_of
from gantry.path.pull import Puller
from gantry.pods.contract import Engine
from gantry.pods.kubernetes_api import KubernetesEngine
from gantry.resources.instances import InstanceGroup
from gantry.resources.jobs import UnifiedJob

logger = logging.getLogger(__name__)


@dataclass
class _Open:
    stamp: tuple[Any, ...]
    engine: Engine
    puller: Puller


class Clusters:
    """One engine for each container group that is in use, made anew when the group changes."""

    def __init__(self, own: World) -> None:
        self._own = own
        self._open: dict[int, _Open] = {}
        self._replaced: list[Engine] = []  # walks that began with them still go on

    async def world_of(self, job: UnifiedJob) -> World:
        """Raises JobFailure when the group's cluster cannot be told."""
        if job.instance_group_id is None:
            return self._own
        group = await in_thread(_container_group)(job)
        if group is None:
            return self._own
        try:
            found = await self._of(group)
        except JobFailure:
            raise
        except (
            GantryError
        ) as error:  # a secret that cannot be opened, a lookup that does not answer
            raise JobFailure(error.sentence, cure=error.cure, code=error.code) from error
        return replace(self._own, engine=found.engine, puller=found.puller)

    async def sweep(self) -> None:
        """What a crash left in any cluster; one that cannot be asked is asked again next time."""
        for group in await in_thread(_container_groups)():
            with contextlib.suppress(GantryError):
                await sweep_pods((await self._of(group)).engine, self._own.instance)

    async def _of(self, group: InstanceGroup) -> _Open:
        known = self._open.get(group.pk)
        stamp = stamp_of(group)
        if known is not None and known.stamp == stamp:
            return known
        read = await in_thread(cluster_of)(group)
        engine = KubernetesEngine(read.cluster, read.override)
        if known is not None:
            self._replaced.append(known.engine)
        self._open[group.pk] = _Open(stamp, engine, Puller(engine))
        return self._open[group.pk]

    async def close(self) -> None:
        for engine in [*self._replaced, *(known.engine for known in self._open.values())]:
            await engine.close()


def _container_group(job: UnifiedJob) -> InstanceGroup | None:
    groups = InstanceGroup.objects.select_related("credential").filter(is_container_group=True)
    return groups.filter(pk=job.instance_group_id or 0).first()


def _container_groups() -> list[InstanceGroup]:
    rows = InstanceGroup.objects.select_related("credential").filter(is_container_group=True)
    return list(rows.order_by("pk"))
