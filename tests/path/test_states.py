"""The states of a job, and that docs/path.md shows them as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from gantry.base.errors import Fenced

DOC = Path(__file__).parents[2] / "docs" / "path.md"


@pytest.fixture
def job(db: str):
    from gantry.resources.models import UnifiedJob

    return UnifiedJob.objects.create(kind="job", name="j", status="waiting", stage="resolving")


def test_the_document_shows_the_graph_of_the_code(database: str) -> None:
    from gantry.path.states import EDGES, STAGES_OF

    edges = [f"    {a} --> {b}" for a, targets in EDGES.items() for b in targets]
    ends = [f"    {a} --> [*]" for a, targets in EDGES.items() if not targets]
    diagram = "\n".join(["stateDiagram-v2", "    [*] --> new", *edges, *ends])
    rows = "\n".join(f"| {status} | {', '.join(s)} |" for status, s in STAGES_OF.items())

    assert diagram in DOC.read_text()
    assert rows in DOC.read_text()


def test_a_job_that_has_ended_cannot_be_moved(job: object) -> None:
    from gantry.path import states

    states.end(job, status="error")

    with pytest.raises(states.WrongEdge):
        states.move(job, status="running")


def test_a_stage_that_does_not_belong_to_the_status_is_refused(job: object) -> None:
    from gantry.path import states

    with pytest.raises(states.WrongEdge):
        states.move(job, stage="cleaning")


def test_a_move_under_an_old_lease_is_fenced(job: object) -> None:
    from gantry.path import states
    from gantry.resources.models import UnifiedJob

    UnifiedJob.objects.filter(pk=job.pk).update(lease_epoch=7)

    with pytest.raises(Fenced):
        states.move(job, stage="pulling")
    assert UnifiedJob.objects.get(pk=job.pk).stage == "resolving"


def test_every_stage_entered_leaves_its_time(job: object) -> None:
    from gantry.path import states

    states.move(job, stage="pulling")
    states.move(job, stage="preparing")

    assert list(job.stage_times) == ["pulling", "preparing"]
