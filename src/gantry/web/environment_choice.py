"""Which EE a template's next job gets, and what each level above and below it chose."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import forms

from gantry.path.resolve import candidates
from gantry.resources.access import visible
from gantry.resources.environments import ExecutionEnvironment
from gantry.resources.organizations import Organization, User
from gantry.resources.projects import Project
from gantry.resources.templates import JobTemplate

# What resolving reads of a template, in one query for many of them.
RELATED = (
    "execution_environment", "project__default_environment", "organization__default_environment",
    "project__organization__default_environment", "inventory__organization__default_environment",
)  # fmt: skip


@dataclass(frozen=True)
class Rung:
    """One level in the order in which they are asked. `wins` where the answer comes from."""

    words: str
    environment: ExecutionEnvironment | None
    wins: bool


def ladder(row: JobTemplate | Project | Organization | None) -> list[Rung]:
    """All levels for a template; for a project or organization what a template of theirs gets
    that names no EE itself; for None what is left when neither chose one."""
    rungs, won = [], False
    for environment, reason in list(candidates(_template(row)))[_own_level(row) :]:
        if not reason:
            continue
        wins = environment is not None and not won
        won = won or wins
        rungs.append(Rung(reason[:1].upper() + reason[1:], environment, wins))
    return rungs


def _template(row: JobTemplate | Project | Organization | None) -> JobTemplate:
    if isinstance(row, JobTemplate):
        return row
    if isinstance(row, Project):
        return JobTemplate(project=row, organization=row.organization)
    return JobTemplate(organization=row)


def _own_level(row: JobTemplate | Project | Organization | None) -> int:
    """The template's own choice comes first; a made-up template has none to show."""
    return 0 if isinstance(row, JobTemplate) else 1


@dataclass(frozen=True)
class Answer:
    template: JobTemplate
    environment: ExecutionEnvironment | None
    reason: str


def answers(templates: Iterable[JobTemplate]) -> list[Answer]:
    """What each template runs in and why; read the templates with RELATED."""
    found = []
    for template in templates:
        first = next(((e, r) for e, r in candidates(template) if e is not None), (None, ""))
        found.append(Answer(template, *first))
    return found


class ChoiceForm(forms.Form):
    """The EE that one level chooses; none leaves it to the levels below."""

    environment = forms.ModelChoiceField(
        ExecutionEnvironment.objects.none(), required=False, label="Execution environment",
        empty_label="None: the next level decides",
    )  # fmt: skip

    def __init__(
        self, data: Any = None, *, user: User, chosen: ExecutionEnvironment | None = None
    ) -> None:
        super().__init__(data, initial={"environment": chosen})
        rows = visible(user, ExecutionEnvironment.objects.all()).order_by("name")
        if chosen is not None:  # already there stays a choice, whoever may see it
            rows = rows | ExecutionEnvironment.objects.filter(pk=chosen.pk)
        field = self.fields["environment"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = rows
