"""Doing something to several rows of a list at once: what can be done, and what would be lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import CASCADE, Model, QuerySet
from django.utils.translation import gettext_lazy as _

from gantry.base.errors import Forbidden, GantryError
from gantry.path.launch import cancel_job
from gantry.resources.access import may
from gantry.resources.inventories import Group, Host
from gantry.resources.inventory_sources import InventorySource
from gantry.resources.jobs import UnifiedJob
from gantry.resources.organizations import User
from gantry.resources.removal import refuse_removal, remove
from gantry.resources.tokens import OAuth2AccessToken
from gantry.web.finding import NOUNS
from gantry.web.relaunching import again

MOST = 500
# By the name of the list in gantry.web.urls.
LISTS: dict[str, type[Model]] = {
    "jobs": UnifiedJob,
    **{noun.list: noun.model for noun in NOUNS if noun.model is not Host},
}
_LOST_WITH = {n.model for n in NOUNS} | {Group, InventorySource, OAuth2AccessToken}


@dataclass(frozen=True)
class Act:
    """`refuse` raises what `do` would; `lost` says that something is gone afterwards."""

    word: Any
    icon: str
    done: Any
    refuse: Callable[[Any, User], None]
    do: Callable[[Any, User], object]
    lost: bool = False


def _needs(verb: str) -> Callable[[Any, User], None]:
    def refuse(row: Any, by: User) -> None:
        if not may(by, verb, row):
            raise Forbidden("You may not do this.")

    return refuse


def _not_removable(row: Any, by: User) -> None:
    _needs("delete")(row, by)
    refuse_removal(row, by=by)


def _not_cancelable(row: Any, by: User) -> None:
    _needs("cancel")(row, by)
    if not row.active:
        raise Forbidden("It has ended.")


def _not_again(row: Any, by: User) -> None:
    if row.active:
        raise Forbidden("It has not ended yet.")


ACTS = {
    "delete": Act(_("Delete"), "trash-2", _("deleted"), _not_removable,
                  lambda row, by: remove(row, by=by), lost=True),
    "cancel": Act(_("Cancel"), "ban", _("told to stop"), _not_cancelable,
                  lambda row, by: cancel_job(row, user=by), lost=True),
    "relaunch": Act(_("Relaunch"), "rotate-ccw", _("relaunched"), _not_again,
                    lambda row, by: again(row, user=by)),
}  # fmt: skip


def acts_of(noun: str) -> list[str]:
    return ["relaunch", "cancel", "delete"] if noun == "jobs" else ["delete"]


@dataclass(frozen=True)
class Judged:
    row: Any
    why_not: str


def judge(act: Act, rows: Iterable[Any], by: User) -> list[Judged]:
    return [Judged(row, _attempt(lambda row=row: act.refuse(row, by))) for row in rows]  # type: ignore[misc]


def carry_out(act: Act, rows: Iterable[Any], by: User) -> list[Judged]:
    """Each by itself: what is refused for one stops none of the others."""

    def one(row: Any) -> None:
        act.refuse(row, by)
        act.do(row, by)

    return [Judged(row, _attempt(lambda row=row: one(row))) for row in rows]  # type: ignore[misc]


def _attempt(what: Callable[[], object]) -> str:
    try:
        what()
    except GantryError as error:
        return str(error)
    return ""


def chosen(rows: QuerySet[Any], ids: Iterable[str]) -> list[Any]:
    wanted = {int(pk) for pk in ids if pk.isdecimal() and len(pk) < 18}
    found = list(rows.filter(pk__in=sorted(wanted)[:MOST]).order_by("pk"))
    return [_of_its_kind(row) if isinstance(row, UnifiedJob) else row for row in found]


def _of_its_kind(job: UnifiedJob) -> Any:
    return getattr(job, f"as_{job.kind}", job)


def lost_with(model: type[Model], rows: list[Any]) -> list[tuple[int, str]]:
    """How many rows of other nouns would be gone too: [(number, what they are called)]."""
    found = []
    for relation in model._meta.related_objects:
        related: Any = relation.related_model
        if relation.on_delete is not CASCADE or related not in _LOST_WITH or related is model:
            continue
        count = related._default_manager.filter(**{f"{relation.field.name}__in": rows}).count()
        if count:
            meta = related._meta
            found.append(
                (count, str(meta.verbose_name if count == 1 else meta.verbose_name_plural))
            )
    return found
