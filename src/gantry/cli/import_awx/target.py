"""This installation, through its own API: what is imported passes every check a person passes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from django.db import transaction
from django.test import Client

from gantry.base.errors import ConfigurationError
from gantry.resources.models import User

Row = dict[str, Any]


class Refused(Exception):
    """The API's own words for why it does not take something."""


@contextlib.contextmanager
def acting_as(name: str) -> Iterator[Client]:
    """Requests in this process, as an administrator: the activity stream names them."""
    rows = User.objects.filter(is_superuser=True, is_active=True).order_by("pk")
    user = rows.filter(username=name).first() if name else rows.first()
    if user is None:
        raise ConfigurationError(
            f"There is no administrator {name!r} here." if name else "There is no administrator.",
            cure="Make one with `gantry createsuperuser`.",
        )
    client = Client(SERVER_NAME="127.0.0.1", raise_request_exception=False)
    client.force_login(user)
    try:
        yield client
    finally:
        client.logout()


@contextlib.contextmanager
def undone(really: bool) -> Iterator[None]:
    """What is done inside is rolled back if `really`."""
    with contextlib.suppress(_Undo):
        if not really:
            yield
            return
        with transaction.atomic():
            yield
            raise _Undo


class _Undo(Exception):
    pass


class Target:
    def __init__(self, client: Client) -> None:
        self._client = client

    def rows(self, path: str) -> Iterator[Row]:
        link: str | None = f"{_path(path)}?page_size=200&order_by=id"
        while link:
            page = self._call("get", link)
            yield from page["results"]
            link = page["next"]

    def fields(self, plural: str) -> set[str]:
        """What can be written of a noun."""
        if plural not in self._fields:
            options = self._call("options", _path(plural))
            self._fields[plural] = set(options.get("actions", {}).get("POST", {}))
        return self._fields[plural]

    @cached_property
    def _fields(self) -> dict[str, set[str]]:
        return {}

    @cached_property
    def nouns(self) -> set[str]:
        # By their addresses: AWX's name of inventories is `inventory`.
        return {url.split("/")[-2] for url in self._call("get", "/api/v2/").values()}

    def get(self, path: str) -> Row:
        return self._call("get", _path(path))

    def post(self, path: str, body: Row) -> Row:
        return self._call("post", _path(path), body)

    def patch(self, path: str, body: Row) -> Row:
        return self._call("patch", _path(path), body)

    def _call(self, method: str, path: str, body: Row | None = None) -> Row:
        send = getattr(self._client, method)
        answer = send(path) if body is None else send(path, body, content_type="application/json")
        if answer.status_code >= 400:
            raise Refused(_words(answer))
        found: Row = json.loads(answer.content) if answer.content else {}
        return found


def _path(path: str) -> str:
    return path if path.startswith("/") else f"/api/v2/{path}/"


def _words(answer: Any) -> str:
    """{"name": ["is wrong"]} as `name: is wrong`."""
    try:
        said = json.loads(answer.content)
    except ValueError:
        return f"HTTP {answer.status_code}"
    if not isinstance(said, dict):
        return str(said)
    return "; ".join(
        f"{field}: {' '.join(map(str, words)) if isinstance(words, list) else words}"
        for field, words in said.items()
    )
