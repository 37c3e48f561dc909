"""A workflow on the pages: its nodes with their jobs, and the answer to an approval."""

from __future__ import annotations

from django.test import Client

from tests.control.test_workflows import approval, launch, node, turn, workflow


def test_nodes_are_listed_and_an_approval_is_answered(db: str) -> None:
    from gantry.resources.models import User, WorkflowApproval
    from tests.api.workflows import template

    client = Client()
    client.force_login(User.objects.get(username="admin"))
    made = workflow("Release")
    asks = node(made, approval(made))
    node(made, template("Deploy"), (asks, "success"))
    run = launch(made)
    question = WorkflowApproval.objects.get()

    assert '<span class="tag">workflow</span>' in client.get("/jobs/").content.decode()
    shown = client.get(f"/jobs/{run.pk}/").content.decode()
    for part in ("Release", "Deploy", "not yet", f"/jobs/{question.pk}/"):
        assert part in shown, part
    assert "Approve" in client.get(f"/jobs/{question.pk}/").content.decode()
    client.post(f"/jobs/{question.pk}/answer/", {"answer": "approve"})
    turn()
    answered = client.get(f"/jobs/{question.pk}/").content.decode()
    assert "Answered by" in answered
    assert "Approve</button>" not in answered
    assert "not yet" not in client.get(f"/jobs/{run.pk}/").content.decode()
