"""Who a socket is, and what it asks for: AWX's `groups`, each checked like a GET of the same row.

AWX 24.6.1 checks the events of jobs, workflows and ad hoc commands only; here every group is.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.contrib import auth
from django.contrib.sessions.backends.db import SessionStore
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.utils.crypto import constant_time_compare
from rest_framework.exceptions import APIException

from gantry.api.auth import BearerAuthentication
from gantry.api.views import OpenView
from gantry.api.websocket_messages import WORKFLOW_EVENTS, WatchedJob
from gantry.base.bridge import in_thread, waiting_for_database
from gantry.base.errors import GantryError
from gantry.resources.access import visible
from gantry.resources.models import UnifiedJob, User

DENIED = "access denied to channel"
MOST_GROUPS = 200
_EVENTS = "_events"
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class Admitted:
    """Whoever opened the socket. `token`: what `xrftoken` must be, None where no cookie let in."""

    user: User
    token: str | None


@in_thread
def admit(scope: Mapping[str, Any]) -> Admitted | None:
    """Session, token or password, exactly as the API takes them; None for nobody."""
    return waiting_for_database(lambda: _admit(scope))


def _admit(scope: Mapping[str, Any]) -> Admitted | None:
    request = ASGIRequest({**scope, "type": "http", "method": "GET"}, io.BytesIO())
    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    request.session = SessionStore(key)
    try:
        request.get_host()
        request.user = auth.get_user(request)
        asked = OpenView().initialize_request(request)
        user = asked.user
    except (APIException, GantryError, DisallowedHost):
        return None
    if not isinstance(user, User) or not user.is_active:
        return None
    by_session = not isinstance(asked.successful_authenticator, BearerAuthentication)
    return Admitted(user, request.COOKIES.get("csrftoken", "") if by_session else None)


def genuine(admitted: Admitted, given: Any) -> bool:
    """Another site's page can open a socket with a person's cookies, but cannot read them."""
    if admitted.token is None:
        return True
    return (
        admitted.token != ""
        and isinstance(given, str)
        and constant_time_compare(given, admitted.token)
    )


@dataclass
class Wanted:
    """What of a request was granted: the names of groups, and jobs with their last event."""

    names: set[str] = field(default_factory=set)
    jobs: dict[str, tuple[WatchedJob, int]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    void: bool = False  # the request as a whole is refused: nothing changes


@in_thread
def want(user: User, groups: Any) -> Wanted:
    """AWX asks again for everything each time: what is not named is left."""
    return waiting_for_database(lambda: _check(user, groups))


def _check(user: User, groups: Any) -> Wanted:
    wanted = Wanted()
    if not isinstance(groups, dict) or sum(map(_length, groups.values())) > MOST_GROUPS:
        return Wanted(errors=[DENIED], void=True)
    for group, members in groups.items():
        if not isinstance(members, list):
            return Wanted(errors=[DENIED], void=True)
        for member in members:
            _want(wanted, user, group, member)
    return wanted


def _length(members: Any) -> int:
    return len(members) if isinstance(members, list) else 1


def _want(wanted: Wanted, user: User, group: str, member: Any) -> None:
    name = f"{group}-{member}"
    if group == WORKFLOW_EVENTS:
        # No events of its own: the states of its nodes' jobs.
        if _job(user, "workflow_job", member) is not None:
            wanted.names.add(name)
            return
    elif group.endswith(_EVENTS):
        row = _job(user, group.removesuffix(_EVENTS), member)
        if row is not None:
            job = WatchedJob(row.pk, row.kind, row.created)
            wanted.jobs[name] = (job, row.emitted_events)
            wanted.names.add(name)
            return
    elif group != "control" or member in ("limit_reached", f"limit_reached_{user.pk}"):
        # Of what is sent to the other groups each row is checked when it is sent.
        wanted.names.add(name[:200])
        return
    wanted.errors.append(f"{DENIED} {group[:100]} for resource id {str(member)[:100]}")


def _job(user: User, kind: str, given: Any) -> UnifiedJob | None:
    if isinstance(given, bool) or not isinstance(given, int | str):
        return None
    text = str(given)
    if not (text.isascii() and text.isdecimal()) or len(text) > 19 or int(text) > _LARGEST_ID:
        return None
    rows = UnifiedJob.objects.filter(pk=int(text), kind=kind)
    return visible(user, rows).first()
