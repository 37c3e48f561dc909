"""The frame of the API: roots, headers, who is asking, pages, what a wrong request is told."""

from __future__ import annotations

from typing import Any


def test_roots_are_open_and_list_only_what_answers(anonymous: Any, api: Any) -> None:
    root = anonymous.get("/api/")
    assert root["available_versions"] == {"v2": "/api/v2/"}
    for url in anonymous.get("/api/v2/").values():
        api.get(url)
