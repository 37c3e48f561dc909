"""The search over everything that a person may see, behind Ctrl-K: a few rows of each noun.

Each noun costs one bounded query; of jobs, which are many, only the newest are looked through.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Max, Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from gantry.resources.access import may_add, visible
from gantry.resources.credentials import Credential, CredentialType
from gantry.resources.environments import ExecutionEnvironment
from gantry.resources.instances import Instance, InstanceGroup
from gantry.resources.inventories import Host, Inventory
from gantry.resources.jobs import UnifiedJob
from gantry.resources.notifications import NotificationTemplate
from gantry.resources.organizations import Organization, Team, User
from gantry.resources.projects import Project
from gantry.resources.schedules import Schedule
from gantry.resources.templates import JobTemplate
from gantry.resources.tokens import OAuth2Application
from gantry.resources.workflows import WorkflowJobTemplate
from gantry.web.navigation import links

EACH = 5
NEWEST = 20_000  # jobs that are looked through by name


@dataclass(frozen=True)
class Noun:
    """`page` is the name of the page of one row, `list` that of all, as in gantry.web.urls."""

    label: Any
    model: type[Model]
    page: str
    list: str
    icon: str
    columns: tuple[str, ...] = ("name",)
    add: str = ""
    new: Any = ""
    related: tuple[str, ...] = ()
    # A word on each row beside its name.
    beside: Callable[[Any], str] = lambda row: ""


def _organization(row: Any) -> str:
    return row.organization.name if row.organization else ""


def _of(label: Any, model: type[Model], page: str, icon: str, **more: Any) -> Noun:
    return Noun(label, model, page, more.pop("list", f"{page}s"), icon, **more)


NOUNS: list[Noun] = [
    _of(_("Templates"), JobTemplate, "template", "rocket", add="template-add",
        new=_("New template"), columns=("name", "playbook"), beside=lambda row: row.playbook),
    _of(_("Workflows"), WorkflowJobTemplate, "workflow", "workflow", add="workflow-add",
        new=_("New workflow")),
    _of(_("Schedules"), Schedule, "schedule", "calendar-clock"),
    _of(_("Projects"), Project, "project", "folder-git-2", add="project-add",
        new=_("New project"), columns=("name", "scm_url"), beside=lambda row: row.scm_url),
    _of(_("Inventories"), Inventory, "inventory", "server", list="inventories",
        add="inventory-add", new=_("New inventory"), related=("organization",),
        beside=_organization),
    _of(_("Hosts"), Host, "inventory-host", "server", list="inventories", related=("inventory",),
        beside=lambda row: row.inventory.name),
    _of(_("Credentials"), Credential, "credential", "key-round", add="credential-add",
        new=_("New credential"), related=("credential_type",),
        beside=lambda row: row.credential_type.name),
    _of(_("Credential types"), CredentialType, "credential-type", "key-square"),
    _of(_("Execution environments"), ExecutionEnvironment, "environment", "box",
        add="environment-add", new=_("New execution environment"), columns=("name", "image"),
        beside=lambda row: row.image),
    _of(_("Notifications"), NotificationTemplate, "notification", "bell"),
    _of(_("Organizations"), Organization, "organization", "building-2", add="organization-add",
        new=_("New organization")),
    _of(_("Teams"), Team, "team", "users", add="team-add", new=_("New team"),
        related=("organization",), beside=_organization),
    _of(_("Users"), User, "user", "user", add="user-add", new=_("New user"),
        columns=("username", "first_name", "last_name", "email"),
        beside=lambda row: row.get_full_name() or row.email),
    _of(_("Applications"), OAuth2Application, "application", "app-window",
        add="application-add", new=_("New application")),
    _of(_("Instances"), Instance, "instance", "cpu", columns=("hostname",)),
    _of(_("Instance groups"), InstanceGroup, "instance-group", "layers"),
]  # fmt: skip


@dataclass(frozen=True)
class Hit:
    url: str
    name: str
    beside: str = ""
    status: str = ""


@dataclass
class Found:
    label: Any
    icon: str
    hits: list[Hit] = field(default_factory=list)
    all: str = ""  # address of the list with all that match, where there are more


def find(request: HttpRequest, words: str) -> list[Found]:
    """What fits the words, by noun; without words the pages that one can go to."""
    words = words.strip().replace("\0", "")[:200]
    found = [_pages(request, words)]
    if words:
        found.append(_jobs(request, words))
        found += [_rows(request, noun, words) for noun in NOUNS]
    return [one for one in found if one.hits]


def _pages(request: HttpRequest, words: str) -> Found:
    wanted = words.casefold()
    hits = [
        Hit(link.url, str(link.label))
        for _heading, some in links(request)
        for link in some
        if wanted in str(link.label).casefold()
    ]
    for noun in NOUNS:
        url = _url(noun.add) if noun.add and wanted in str(noun.new).casefold() else ""
        if words and url and may_add(request.user, noun.model):
            hits.append(Hit(url, str(noun.new)))
    return Found(_("Go to"), "chevron-right", hits)


def _jobs(request: HttpRequest, words: str) -> Found:
    number = words.removeprefix("#")
    rows = visible(request.user, UnifiedJob.objects.all())
    if number.isdecimal() and len(number) < 18:
        rows = rows.filter(pk=int(number))
    else:
        newest = UnifiedJob.objects.aggregate(Max("pk"))["pk__max"] or 0
        rows = rows.filter(pk__gt=newest - NEWEST, name__icontains=words)
    hits = [
        Hit(reverse("job", args=[job.pk]), f"{job.name} #{job.pk}", status=job.status)
        for job in rows.order_by("-pk")[:EACH]
    ]
    return Found(_("Jobs"), "list-checks", hits, _more("jobs", words, hits))


def _rows(request: HttpRequest, noun: Noun, words: str) -> Found:
    found = Found(noun.label, noun.icon)
    if not _url(noun.page, 0):
        return found
    match = Q(*((f"{column}__icontains", words) for column in noun.columns), _connector=Q.OR)
    rows: QuerySet[Any] = visible(request.user, noun.model._default_manager.filter(match))
    for row in rows.select_related(*noun.related).order_by(noun.columns[0], "pk")[:EACH]:
        name = str(getattr(row, noun.columns[0]) or row)
        found.hits.append(Hit(_url(noun.page, row.pk), name, noun.beside(row)[:120]))
    found.all = _more(noun.list, words, found.hits)
    return found


def _more(name: str, words: str, hits: list[Hit]) -> str:
    return f"{_url(name)}?{urlencode({'q': words})}" if len(hits) == EACH else ""


def _url(name: str, *args: int) -> str:
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
