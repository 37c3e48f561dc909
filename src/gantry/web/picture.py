"""A workflow as a picture: its nodes with what becomes of them, and the edges between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from gantry.path.workflow import edges_of
from gantry.resources.access import may
from gantry.resources.organizations import User
from gantry.resources.workflows import EDGES, WorkflowApproval, WorkflowNode
from gantry.web.layout import HEIGHT, START, curve, lay_out
from gantry.web.places import word_of
from gantry.web.tags import LOOKS

MARGIN = 16
LONGEST = 25  # characters of a name that a box has room for
ICONS = {
    "job_template": "rocket", "workflow_job_template": "workflow", "project": "folder-git-2",
    "inventory_source": "server", "workflow_approval_template": "hand",
    "system_job_template": "terminal",
}  # fmt: skip
KINDS = {"success_nodes": "success", "failure_nodes": "failure", "always_nodes": "always"}
WORDS = {"success": "on success", "failure": "on failure", "always": "always"}
# What the template of a picture needs beside it.
DRAWN = {
    "edge_kinds": [*WORDS, "start"],
    "edge_words": [(kind, words.capitalize()) for kind, words in WORDS.items()],
}


@dataclass(frozen=True)
class Line:
    kind: str  # success, failure, always, start
    path: str
    before: int
    after: int


@dataclass
class Box:
    """One node. `look` is a colour role, `href` where it leads; `said` tells all of it."""

    pk: int
    x: int
    y: int
    name: str
    second: str
    look: str
    icon: str
    said: str
    converge: bool = False
    href: str = ""
    spin: bool = False
    selected: bool = False

    @property
    def short(self) -> str:
        return self.name if len(self.name) <= LONGEST else f"{self.name[: LONGEST - 1]}…"


@dataclass
class Picture:
    width: int
    height: int
    boxes: list[Box]
    lines: list[Line]
    start: tuple[int, int]

    @property
    def middle(self) -> tuple[int, int]:
        return self.start[0] + HEIGHT // 2, self.start[1] + HEIGHT // 2


def name_of(node: WorkflowNode) -> str:
    template = node.unified_job_template
    if template is not None:
        return str(template.name)
    job = getattr(node, "job", None)
    return str(job.name) if job is not None else "No template"


def edges_between(nodes: list[Any]) -> list[tuple[int, int, str]]:
    """(from, to, success | failure | always)."""
    ids = [node.pk for node in nodes]
    found = []
    for edge in EDGES if nodes else ():
        pairs = edges_of(type(nodes[0]), edge, ids)
        found += [(a, b, KINDS[edge]) for a, b in pairs]
    return found


def picture_of(nodes: list[Any], selected: int = 0) -> Picture:
    """`nodes` with their templates and, of a run, their jobs."""
    edges = edges_between(nodes)
    placed = lay_out([n.pk for n in nodes], [(a, b) for a, b, _ in edges])
    kinds = {(a, b): kind for a, b, kind in edges}
    lines = [
        Line(kinds.get(pair, "start"), curve([(x + MARGIN, y + MARGIN) for x, y in way]), *pair)
        for pair, way in placed.ways.items()
    ]
    names = {n.pk: name_of(n) for n in nodes}
    boxes = []
    for node in sorted(nodes, key=lambda n: placed.corners[n.pk]):
        x, y = placed.corners[node.pk]
        box = _box(node, x + MARGIN, y + MARGIN)
        then = [f"{WORDS[k]} {names[b]}" for a, b, k in edges if a == node.pk and b in names]
        box.said = ", ".join([box.name, box.second, *then])
        box.selected = node.pk == selected
        boxes.append(box)
    x, y = placed.corners[START]
    return Picture(
        placed.width + 2 * MARGIN, placed.height + 2 * MARGIN, boxes, lines,
        (x + MARGIN, y + MARGIN),
    )  # fmt: skip


def _box(node: Any, x: int, y: int) -> Box:
    template, job = node.unified_job_template, getattr(node, "job", None)
    box = Box(
        node.pk, x, y, name_of(node), "", "neutral",
        ICONS.get(template.kind, "rocket") if template else "file-question-mark", "",
        node.all_parents_must_converge,
    )  # fmt: skip
    if not hasattr(node, "workflow_job_id"):
        box.second = word_of(template) if template else "Its template was deleted: choose another"
        box.look = "neutral" if template else "danger"
    elif job is not None:
        box.look, box.icon = LOOKS.get(job.status, ("neutral", "circle-dashed"))
        waits = job.kind == "workflow_approval" and job.status == "pending"
        box.second = "Waits for an answer" if waits else job.status.capitalize()
        box.look = "warning" if waits else box.look
        box.icon = "hand" if waits else box.icon
        box.spin, box.href = job.status == "running", reverse("job", args=[job.pk])
    elif node.do_not_run:
        box.second, box.look, box.icon = "Will not run", "skipped", "circle-slash"
    elif template is None:
        box.second, box.look = "Its template was deleted", "danger"
    else:
        box.second, box.icon = "Not yet", "circle-dashed"
    return box


def run_nodes(run: Any) -> list[Any]:
    rows = run.workflow_job_nodes.select_related("job", "unified_job_template")
    return list(rows.order_by("pk"))


def questions_of(nodes: list[Any], user: User) -> list[Any]:
    """The approvals that a run waits for, each with `may_answer`."""
    ids = [n.job_id for n in nodes if n.job is not None and n.job.status == "pending"]
    rows = list(WorkflowApproval.objects.filter(pk__in=ids, cancel_flag=False).order_by("pk"))
    for row in rows:
        row.may_answer = may(user, "approve", row)  # type: ignore[attr-defined]
    return rows
