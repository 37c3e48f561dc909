"""Two controllers and real pods: a job runs where its groups say, or says why it cannot."""

from __future__ import annotations

from typing import Any

from gantry.base.bridge import in_thread
from gantry.pods.docker_api import DockerEngine
from tests.journeys.controlling import controlling
from tests.journeys.outcome import ended, told, until
from tests.journeys.world import World

PLAY = "- hosts: alpha\n  gather_facts: false\n  tasks:\n    - ping:\n"


def switch(node: str, on: bool) -> None:
    from gantry.resources.seats import switch_instance

    switch_instance(node, on=on)


async def test_jobs_run_where_their_groups_say(world: World, engine_url: str) -> None:
    from gantry.resources.models import InstanceGroup
    from gantry.resources.policies import apply_policies

    def group(name: str, **fields: Any) -> Any:
        made = InstanceGroup.objects.create(name=name, **fields)
        apply_policies()
        return made

    def launch(row: Any) -> Any:
        template = world.template(project=project, name=row.name if row else "anywhere")
        if row is not None:
            template.instance_groups.add(row)
        return world.launch(template)

    project = await in_thread(lambda: world.project({"site.yml": PLAY}))()
    async with (
        controlling(DockerEngine(engine_url)) as one,
        controlling(DockerEngine(engine_url)) as other,
    ):
        await until(lambda: one.holder.node and other.holder.node, "both seats")
        lab = await in_thread(group)("lab", policy_instance_list=[other.holder.node])
        cluster = await in_thread(group)("cluster", is_container_group=True)
        await in_thread(switch)(other.holder.node, False)
        anywhere, there = await in_thread(launch)(None), await in_thread(launch)(lab)
        nowhere = await in_thread(launch)(cluster)
        await ended(anywhere)
        await ended(nowhere)
        await until(lambda: waits(there), "why the job waits")
        await in_thread(switch)(other.holder.node, True)
        await ended(there)
        machine = await other.images.machine()

    assert [told(j) for j in (anywhere, there) if j.status != "successful"] == []
    assert anywhere.instance_group_id not in (None, lab.pk, cluster.pk)
    assert anywhere.execution_node == one.holder.node
    assert (there.instance_group_id, there.execution_node) == (lab.pk, other.holder.node)
    assert (nowhere.status, nowhere.failure_class) == ("error", "no_kubernetes")
    assert nowhere.job_explanation.startswith("No Kubernetes cluster is configured: ")
    assert nowhere.attempt == 0
    assert machine[0] > 0
    assert machine[1] > 1 << 28


def waits(job: Any) -> bool:
    job.refresh_from_db()
    return bool(
        job.waiting_for == "instance group lab: no instance of it is enabled and ready"
        and job.status == "pending"
    )
