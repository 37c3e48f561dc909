"""A workflow in real pods: a failure goes its way, what it left goes along, people are asked."""

from __future__ import annotations

from typing import Any

from gantry.base.bridge import in_thread
from tests.journeys.outcome import ended, output, told, until
from tests.journeys.world import World

FAILS = """
- hosts: alpha
  gather_facts: false
  tasks:
    - set_stats: {data: {release: "4.2", parts: [a, b]}}
    - fail: {msg: on purpose}
"""
MENDS = """
- hosts: alpha
  gather_facts: false
  tasks:
    - debug: {msg: "mending {{ release }} of {{ parts | length }} parts"}
    - debug: {msg: "in {{ awx_workflow_job_name }}, {{ tower_workflow_job_launch_type }}"}
"""


async def test_failure_artifacts_approval(world: World, control: Any) -> None:
    from gantry.path.workflow import answer_approval, launch_workflow
    from gantry.resources import models as m

    def make() -> Any:
        made = m.WorkflowJobTemplate.objects.create(
            kind="workflow_job_template", name="Release", organization=world.organization
        )
        question = m.WorkflowApprovalTemplate.objects.create(
            kind="workflow_approval_template", name="Mend it?", workflow_job_template=made
        )
        at = [world.template(FAILS, name="fails"), question, world.template(MENDS, name="mends")]
        nodes = [
            m.WorkflowJobTemplateNode.objects.create(
                workflow_job_template=made, unified_job_template=one, identifier=one.name
            )
            for one in at
        ]
        nodes[0].failure_nodes.add(nodes[1])
        nodes[1].success_nodes.add(nodes[2])
        return launch_workflow(made, user=world.admin, prompts={}).job

    def asked() -> Any:
        return m.WorkflowApproval.objects.filter(status="pending").first()

    run = await in_thread(make)()
    question = await until(asked, "the question")
    await in_thread(lambda: answer_approval(question, user=world.admin, approved=True))()
    run = await ended(run)

    mended = await in_thread(m.Job.objects.get)(name="mends")
    text = await output(mended)
    assert run.status == "successful", f"{told(run)}\n{mended.extra_vars}\n{text}"
    assert "mending 4.2 of 2 parts" in text
    assert "in Release, manual" in text
    assert mended.created_by_id == world.admin.pk
    failed = await in_thread(m.Job.objects.get)(name="fails")
    assert failed.artifacts == {"release": "4.2", "parts": ["a", "b"]}
