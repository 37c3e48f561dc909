"""Workflows on the pages: drawn with mouse or keys, launched, watched, answered."""

from __future__ import annotations

from typing import Any

from django.test import Client
from playwright.sync_api import Page, expect

from gantry.resources.models import User, WorkflowApproval, WorkflowJob, WorkflowJobTemplate
from gantry.web.layout import HEIGHT, START, WIDTH, lay_out
from tests.control.test_workflows import approval, ended, job_at, launch, node, turn, workflow
from tests.web import story
from tests.web.conftest import logged_in


def test_no_two_nodes_overlap_and_every_edge_goes_to_the_right() -> None:
    edges = [(1, 2), (1, 3), (2, 4), (3, 4), (1, 5), (4, 6), (1, 6), (7, 6)]

    placed = lay_out(range(1, 9), edges)

    corners = [corner for pk, corner in placed.corners.items() if pk != START]
    for at, (x, y) in enumerate(corners):
        for other_x, other_y in corners[at + 1 :]:
            assert abs(x - other_x) >= WIDTH or abs(y - other_y) >= HEIGHT
    assert all(way[0][0] < way[-1][0] for way in placed.ways.values())
    assert {b for a, b in placed.ways if a == START} == {1, 7, 8}


def test_a_long_chain_is_laid_out_at_once() -> None:
    placed = lay_out(range(1, 1500), [(n, n + 1) for n in range(1, 1499)])

    assert len(placed.corners) == 1500


def test_a_workflow_is_made_changed_and_its_errors_stand_beside_the_fields(admin: Client) -> None:
    ours = story.organization()
    values = {"name": "Release", "organization": ours.pk, "limit": "web*", "extra_vars": "a: 1",
              "ask_limit_on_launch": "on"}  # fmt: skip

    wrong = admin.post("/workflows/add/", {**values, "extra_vars": "a: [b"})
    assert wrong.status_code == 422
    assert 'value="web*"' in wrong.content.decode()
    made = admin.post("/workflows/add/", values)

    row = WorkflowJobTemplate.objects.get()
    assert made["Location"] == f"/workflows/{row.pk}/graph/"
    assert (row.limit, row.job_tags, row.ask_limit_on_launch) == ("web*", None, True)
    assert row.created_by.username == "admin"
    taken = admin.post("/workflows/add/", values)
    assert "already exists" in taken.content.decode()


def test_launch_asks_what_the_workflow_asks(admin: Client) -> None:
    made = workflow("Release", ask_limit_on_launch=True, limit="web*")
    node(made, story.template("Deploy"))

    shown = admin.post(f"/workflows/{made.pk}/launch/").content.decode()
    assert 'name="limit" value="web*"' in shown
    assert 'name="inventory"' not in shown
    answer = admin.post(f"/workflows/{made.pk}/launch/", {"launch": "yes", "limit": "db1"})

    run = WorkflowJob.objects.get()
    assert (run.limit, run.created_by.username) == ("db1", "admin")
    assert answer["Location"] == f"/jobs/{run.pk}/"


def test_what_a_node_launches_with_is_kept(admin: Client) -> None:
    made = workflow("Release")
    at = node(
        made, story.template("Deploy", ask_limit_on_launch=True, ask_verbosity_on_launch=True)
    )
    address = f"/workflows/nodes/{at.pk}/"

    wrong = admin.post(address, {"save": "yes", "limit": "web1", "verbosity": "99"})
    assert wrong.status_code == 422
    admin.post(address, {"save": "yes", "limit": "web1", "verbosity": "0"})

    at.refresh_from_db()
    assert at.char_prompts == {"limit": "web1"}
    assert 'value="web1"' in admin.get(address).content.decode()


def test_without_rights_nothing_can_be_drawn_launched_or_answered(db: str) -> None:
    made = workflow("Release")
    asks = node(made, approval(made))
    run = launch(made)
    question = WorkflowApproval.objects.get()
    User.objects.create_user("stranger", password="x")
    auditor = story.member("auditor")
    User.objects.filter(pk=auditor.pk).update(is_system_auditor=True)
    strange, reads = logged_in("stranger"), logged_in("auditor")

    for address in (f"/workflows/{made.pk}/", f"/workflows/{made.pk}/graph/", f"/jobs/{run.pk}/"):
        assert strange.get(address).status_code == 404
    graph = reads.get(f"/workflows/{made.pk}/graph/").content.decode()
    assert "question" in graph
    assert "Add a node" not in graph
    assert "workflow.js" not in graph
    assert "Approve" not in reads.get(f"/jobs/{run.pk}/").content.decode()
    for address in (
        f"{made.pk}/edit",
        f"{made.pk}/launch",
        f"{made.pk}/choices",
        f"nodes/{asks.pk}",
    ):
        assert reads.post(f"/workflows/{address}/").status_code == 403, address
    reads.post(f"/jobs/{question.pk}/answer/", {"answer": "approve"})
    question.refresh_from_db()
    assert question.status == "pending"


def test_a_run_is_watched_answered_and_followed_to_its_jobs(admin: Client) -> None:
    made = workflow("Release")
    first = node(made, story.template("Build"))
    asks = node(made, approval(made), (first, "success"))
    node(made, story.template("Deploy"), (asks, "success"))
    node(made, story.template("Roll back"), (asks, "failure"))
    run = launch(made)

    def shown() -> str:
        return admin.get(f"/jobs/{run.pk}/panels/").content.decode()

    assert f'href="/jobs/{job_at(run, "Build").pk}/"' in shown()
    ended(job_at(run, "Build"))
    turn()
    question = WorkflowApproval.objects.get()
    assert "Waits for an answer since" in shown()
    answer = admin.post(f"/jobs/{question.pk}/answer/", {"answer": "approve", "back": run.pk})
    turn()

    assert answer["Location"] == f"/jobs/{run.pk}/"
    assert "Waits for an answer since" not in shown()
    assert "Will not run" in shown()
    assert job_at(run, "Deploy") is not None


def test_in_a_browser_a_workflow_is_drawn(page: Page, admin: Any) -> None:
    story.template("Build")
    story.template("Deploy")
    made = workflow("Release")
    page.goto(f"/workflows/{made.pk}/graph/")
    add = page.locator("#add-node")

    add.get_by_label("Find").fill("uil")
    add.get_by_label("Runs").select_option(label="Build")
    add.get_by_role("button", name="Add").click()
    build = page.get_by_role("button", name="Build, Job template")
    expect(build).to_be_focused()
    build.press("a")
    expect(add.get_by_label("What")).to_be_focused()
    expect(add.get_by_label("After", exact=True)).to_have_value(str(nodes(made)["Build"].pk))
    add.get_by_label("What").select_option("approval")
    add.get_by_role("button", name="Add").click()
    expect(page.locator("#workflow-error")).to_contain_text("What is the question?")
    add.get_by_label("What").select_option("approval")
    add.get_by_label("Question").fill("Go on?")
    add.get_by_label("Gives up after").fill("60")
    add.get_by_role("button", name="Add").click()
    expect(page.get_by_role("button", name="Go on?, Approval")).to_be_focused()
    add.get_by_label("When it ends").select_option(label="always")
    add.get_by_label("Runs").select_option(label="Deploy")
    add.get_by_role("button", name="Add").click()
    expect(page.get_by_role("button", name="Deploy, Job template")).to_be_focused()

    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("button", name="Go on?, Approval")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_label("When to go on to Deploy").select_option(label="on success")
    expect(page.get_by_role("button", name="Go on?, Approval, on success Deploy")).to_be_visible()
    found = nodes(made)
    assert list(found["Build"].success_nodes.all()) == [found["Go on?"]]
    assert list(found["Go on?"].success_nodes.all()) == [found["Deploy"]]
    assert found["Go on?"].unified_job_template.as_workflow_approval_template.timeout == 60

    page.get_by_role("button", name="Go on?, Approval").press("Delete")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(
        page.get_by_role("button", name="Build, Job template, on success Deploy")
    ).to_be_visible()
    page.reload()
    expect(
        page.get_by_role("button", name="Build, Job template, on success Deploy")
    ).to_be_visible()
    assert sorted(nodes(made)) == ["Build", "Deploy"]


def test_in_a_browser_nodes_are_joined_by_dragging(page: Page, admin: Any) -> None:
    made = workflow("Release")
    node(made, story.template("Build"))
    node(made, story.template("Deploy"))
    page.goto(f"/workflows/{made.pk}/graph/")
    build = page.get_by_role("button", name="Build, Job template")
    build.hover()
    build.locator(".port").drag_to(page.get_by_role("button", name="Deploy, Job template"))

    expect(
        page.get_by_role("button", name="Build, Job template, on success Deploy")
    ).to_be_visible()
    found = nodes(made)
    assert list(found["Build"].success_nodes.all()) == [found["Deploy"]]


def nodes(of: Any) -> dict[str, Any]:
    rows = of.workflow_job_template_nodes.select_related("unified_job_template")
    return {row.unified_job_template.name: row for row in rows}


def test_in_a_browser_a_run_goes_on_before_ones_eyes(page: Page, admin: Any) -> None:
    made = workflow("Release")
    asks = node(made, approval(made))
    node(made, story.template("Deploy"), (asks, "success"))
    run = launch(made)
    page.goto(f"/jobs/{run.pk}/")
    expect(page.get_by_role("link", name="question, Waits for an answer")).to_be_visible()

    page.get_by_role("button", name="Approve question").click()
    expect(page.get_by_role("button", name="Approve question")).to_be_hidden()
    turn()

    expect(page.get_by_role("link", name="question, Successful")).to_be_visible()
    expect(page.get_by_role("link", name="Deploy, Pending")).to_be_visible()
    page.get_by_role("link", name="Deploy, Pending").click()
    page.wait_for_url(f"**/jobs/{job_at(run, 'Deploy').pk}/")
