"""Clients of the API: the administrator, a plain user, another organization's administrator."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.test import Client


class Api:
    """Speaks JSON with Basic authentication, as scripts do."""

    def __init__(self, username: str | None = "admin", password: str = "correct horse") -> None:
        self.client = Client(raise_request_exception=True)
        self.headers = {}
        if username is not None:
            token = base64.b64encode(f"{username}:{password}".encode()).decode()
            self.headers["authorization"] = f"Basic {token}"

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        data = {} if body is None else {"data": body, "content_type": "application/json"}
        return getattr(self.client, method)(path, headers=self.headers, **data, **more)

    def get(self, path: str, status: int = 200) -> Any:
        response = self.call("get", path)
        assert response.status_code == status, response.content
        if response["Content-Type"].startswith("text/plain"):  # metrics
            return response.content.decode()
        return response.json()

    def post(self, path: str, body: Any = None, status: int = 201) -> Any:
        response = self.call("post", path, {} if body is None else body)
        assert response.status_code == status, response.content
        return response.json() if response.content else None

    def put(self, path: str, body: Any, status: int = 200) -> Any:
        response = self.call("put", path, body)
        assert response.status_code == status, response.content
        return response.json() if response.content else None

    def patch(self, path: str, body: Any, status: int = 200) -> Any:
        response = self.call("patch", path, body)
        assert response.status_code == status, response.content
        return response.json() if response.content else None

    def delete(self, path: str, status: int = 204) -> Any:
        response = self.call("delete", path)
        assert response.status_code == status, response.content
        return response.json() if response.content else None

    def options(self, path: str, status: int = 200) -> Any:
        response = self.call("options", path)
        assert response.status_code == status, response.content
        return response.json()


@pytest.fixture
def api(db: str) -> Api:
    return Api()


@pytest.fixture
def anonymous(db: str) -> Api:
    return Api(None)


def make_user(name: str, **fields: Any) -> Any:
    from gantry.resources.models import User

    user = User(username=name, **fields)
    # Not scrypt: hundreds of tests make users, and none of them is about hashing.
    user.password = (
        "pbkdf2_sha256$1$salt$"
        + base64.b64encode(__import__("hashlib").pbkdf2_hmac("sha256", b"pw", b"salt", 1)).decode()
    )
    user.save()
    return user


@pytest.fixture
def plain(db: str) -> Api:
    """A user who belongs to nothing."""
    make_user("plain")
    return Api("plain", "pw")


@pytest.fixture
def member(db: str) -> Api:
    from gantry.resources.models import Organization

    Organization.objects.get(name="Default").users.add(make_user("member"))
    return Api("member", "pw")


@pytest.fixture
def org_admin(db: str) -> Api:
    """Administers organization Default."""
    from gantry.resources.models import Organization

    Organization.objects.get(name="Default").admins.add(make_user("boss"))
    return Api("boss", "pw")


@pytest.fixture
def other_admin(db: str) -> Api:
    """Administers an organization of their own, "Other"."""
    from gantry.resources.models import Organization

    Organization.objects.create(name="Other").admins.add(make_user("other"))
    return Api("other", "pw")


@pytest.fixture
def auditor(db: str) -> Api:
    make_user("auditor", is_system_auditor=True)
    return Api("auditor", "pw")


@pytest.fixture
def inventory(api: Api) -> dict[str, Any]:
    body = {"name": "i", "organization": 1, "variables": "a: 1"}
    made: dict[str, Any] = api.post("/api/v2/inventories/", body)
    return made
