"""A page asks the API, as a client would, but in the same process and as the same person.

What may be changed, by whom, and what is refused in which words is said once, in gantry.api; pages
give what was typed and show the answer. Only the address is known here, no code of that room.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import PermissionDenied
from django.core.handlers.wsgi import WSGIRequest
from django.http import Http404, HttpRequest
from django.urls import resolve

ROOT = "/api/v2/"
_ALL = "__all__"
# Where the API names no field but says what is wrong.
_GENERAL = ("detail", "error", "Error", "msg", _ALL)


@dataclass(frozen=True)
class Answer:
    """`data` is the body as the API's serializers made it."""

    status: int
    data: Any

    @property
    def ok(self) -> bool:
        return self.status < 400

    @property
    def pk(self) -> int:
        return int(self.data["id"])


def ask(request: HttpRequest, method: str, address: str, body: Any = None) -> Answer:
    """`address` below /api/v2/, such as "hosts/3/". Raises PermissionDenied for a 403 and Http404
    for a 404; every other refusal is the answer."""
    parts = urlsplit(ROOT + address)
    content = b"" if body is None else json.dumps(body).encode()
    inner = WSGIRequest(
        {
            "REQUEST_METHOD": method, "PATH_INFO": parts.path, "QUERY_STRING": parts.query,
            "SERVER_NAME": request.META.get("SERVER_NAME", "localhost"),
            "SERVER_PORT": request.META.get("SERVER_PORT", "80"),
            "HTTP_HOST": request.META.get("HTTP_HOST", "localhost"),
            "REMOTE_ADDR": request.META.get("REMOTE_ADDR", ""),
            "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(content)),
            "HTTP_ACCEPT": "application/json", "wsgi.url_scheme": request.scheme or "http",
            "wsgi.input": BytesIO(content),
        }
    )  # fmt: skip
    # Who this is was asked at the page's own door, and the page's form carried the CSRF token.
    inner._force_auth_user = inner.user = request.user  # type: ignore[attr-defined]
    inner.session = request.session
    found = resolve(parts.path)
    inner.resolver_match = found
    response: Any = found.func(inner, *found.args, **found.kwargs)
    data = getattr(response, "data", None)
    if response.status_code == 403:
        raise PermissionDenied(sentences(data))
    if response.status_code == 404:
        raise Http404(sentences(data))
    return Answer(response.status_code, data)


def sentences(data: Any) -> str:
    """A refusal as one text, whatever its shape."""
    return " ".join(_words(data))


def _words(data: Any) -> list[str]:
    if isinstance(data, dict):
        return [
            word if name in _GENERAL else f"{name}: {word}"
            for name, value in data.items()
            for word in _words(value)
        ]
    if isinstance(data, list | tuple):
        return [word for one in data for word in _words(one)]
    return [] if data in (None, "") else [str(data)]


def refused(form: forms.BaseForm, data: Any, names: dict[str, str] | None = None) -> None:
    """Put a refusal beside the fields it names; `names` leads from the API's name of a field (dots
    lead deeper) to the form's, where they differ."""
    for path, words in _flat(data):
        name = (names or {}).get(path, path)
        if name not in form.fields:
            last = name.rpartition(".")[2]
            name = (names or {}).get(last, last)
        shown = name in form.fields
        general = path in ("", *_GENERAL)
        for word in words:
            form.add_error(name if shown else None, word if shown or general else f"{path}: {word}")


def _flat(data: Any, path: str = "") -> list[tuple[str, list[str]]]:
    if isinstance(data, dict):
        return [
            pair for k, v in data.items() for pair in _flat(v, f"{path}.{k}" if path else str(k))
        ]
    words = _words(data)
    return [(path, words)] if words else []


class AskForm(forms.Form):
    """A form that the API saves. Subclasses say what is sent in `body`."""

    names: dict[str, str] = {}

    def body(self) -> dict[str, Any]:
        """What was typed, as the API takes it; a chosen row by its id."""
        return {name: plain(value) for name, value in self.cleaned_data.items()}

    def send(self, request: HttpRequest, method: str, address: str) -> Answer | None:
        """None when it was refused: what is wrong then stands beside the fields."""
        answer = ask(request, method, address, self.body())
        if answer.ok:
            return answer
        refused(self, answer.data, self.names)
        return None


def plain(value: Any) -> Any:
    return value.pk if hasattr(value, "pk") else value
