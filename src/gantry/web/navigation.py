"""Where one can go: the bar at the side of every page, and what Ctrl-K offers beside rows.

An entry is shown where gantry.web.urls has its name; its page is marked by the start of the names
that belong to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from gantry.resources.access import standing


def _overseer(user: Any) -> bool:
    """Of the system: those who may read its settings."""
    who = standing(user)
    return who.superuser or who.auditor


@dataclass(frozen=True)
class Entry:
    name: str  # in gantry.web.urls
    label: Any
    icon: str
    begins: str  # how the names of its pages begin
    shown: Callable[[Any], bool] = lambda user: True


BAR: list[tuple[Any, list[Entry]]] = [
    ("", [
        Entry("dashboard", _("Dashboard"), "layout-dashboard", "dashboard"),
        Entry("jobs", _("Jobs"), "list-checks", "job"),
        Entry("templates", _("Templates"), "rocket", "template"),
        Entry("workflows", _("Workflows"), "workflow", "workflow"),
        Entry("schedules", _("Schedules"), "calendar-clock", "schedule"),
    ]),
    (_("Resources"), [
        Entry("projects", _("Projects"), "folder-git-2", "project"),
        Entry("inventories", _("Inventories"), "server", "inventor"),
        Entry("credentials", _("Credentials"), "key-round", "credential"),
        Entry("credential-types", _("Credential types"), "key-square", "credential-type"),
        Entry("environments", _("Execution environments"), "box", "environment"),
        Entry("notifications", _("Notifications"), "bell", "notification"),
    ]),
    (_("Access"), [
        Entry("organizations", _("Organizations"), "building-2", "organization"),
        Entry("teams", _("Teams"), "users", "team"),
        Entry("users", _("Users"), "user", "user"),
        Entry("applications", _("Applications"), "app-window", "application"),
    ]),
    (_("System"), [
        Entry("activity", _("Activity"), "scroll-text", "activity"),
        Entry("instances", _("Instances"), "cpu", "instance"),
        Entry("instance-groups", _("Instance groups"), "layers", "instance-group"),
        Entry("settings", _("Settings"), "settings-2", "setting", _overseer),
    ]),
]  # fmt: skip


@dataclass(frozen=True)
class Link:
    url: str
    label: Any
    icon: str
    here: bool


def links(request: HttpRequest) -> list[tuple[Any, list[Link]]]:
    """(heading, its links), without headings that have none."""
    at = request.resolver_match.url_name if request.resolver_match else ""
    entries = [entry for _heading, some in BAR for entry in some]
    fitting = [e for e in entries if (at or "").startswith(e.begins)]
    here = max(fitting, key=lambda e: len(e.begins), default=None)
    found = []
    for heading, some in BAR:
        shown = [
            Link(url, entry.label, entry.icon, entry is here)
            for entry in some
            if entry.shown(request.user) and (url := _url(entry.name))
        ]
        if shown:
            found.append((heading, shown))
    return found


def _url(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def label_of(name: str) -> Any:
    """What a list is called."""
    entries = {entry.name: entry.label for _heading, some in BAR for entry in some}
    return entries.get(name, name.replace("-", " ").capitalize())
