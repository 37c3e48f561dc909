"""The parts that the map of the API is put together from."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, path

from gantry.api.access_list import access_list_of
from gantry.api.roles import object_roles_of


def noun(plural: str, views: dict[str, Any], below: dict[str, Any]) -> list[URLPattern]:
    """A list, a detail, and what lies below one."""
    found = []
    if "list" in views:
        found.append(path(f"{plural}/", views["list"].as_view()))
    if "detail" in views:
        found.append(path(f"{plural}/<int:pk>/", views["detail"].as_view()))
    found += [path(f"{plural}/<int:pk>/{part}/", v.as_view()) for part, v in below.items()]
    return found


def rights(model: type[Any]) -> dict[str, Any]:
    """The lists below everything that has roles of its own."""
    return {"object_roles": object_roles_of(model), "access_list": access_list_of(model)}
