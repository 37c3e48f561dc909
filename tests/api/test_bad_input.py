"""Whatever is sent, the answer is a 4xx with a reason or what it would be without: never a 500."""

from __future__ import annotations

import base64
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.db.models import Model
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as run
from hypothesis import strategies as st
from rest_framework import generics
from rest_framework.exceptions import ParseError, PermissionDenied

from gantry.api.filter_fields import INTERNAL, PASSWORDS, SECRET, allowed_fields, resolve
from tests.api.conftest import Api
from tests.api.test_leaks import endpoints
from tests.api.world import build
from tests.web.conftest import Server

HUGE = 10**30
# What asks an engine or a registry, the schema, which takes no parameter, and what
# Gantry has not.
NOT_HERE = ("/platforms/", "images/", "/check/", "/export/", "/schema/", "/analytics/")


@pytest.fixture
def quiet(api: Api) -> Api:
    """A crash shows as an answer with 500, as it does to a client."""
    api.client.raise_request_exception = False
    return api


def places(ids: dict[str, int]) -> list[str]:
    return [url for _, url in endpoints(ids) if not url.endswith(NOT_HERE)]


# Bodies


ODD = st.one_of(
    st.sampled_from([
        None, "", [], {}, [[]], [None], {"a": 1}, 0, -1, HUGE, -HUGE, 1.5, 1e308, True, "x" * 5000,
        "a\0b", "\u0662", "u\u0308\u202e", "{{ 1/0 }}", "[[[", "- &a [*a]", [HUGE], {"id": HUGE},
        {"\0": "\0"}, "2024-13-45", str(HUGE),
    ]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner,
                                                                    max_size=3),
        max_leaves=5,
    ),
)  # fmt: skip


def test_no_field_takes_anything_by_crashing(quiet: Api) -> None:
    """Every field that OPTIONS names, in every list and object, with what does not belong there."""
    ids = build()
    fields = [
        (method, url, field, shown)
        for url in places(ids)
        for verb, described in quiet.options(url).get("actions", {}).items()
        if verb != "GET"
        for shown in [_shown(quiet, url, described)]
        for field in described
        for method in (("post",) if verb == "POST" else ("put", "patch"))
    ]
    assert len(fields) > 400

    @seed(1)
    @run(
        max_examples=150, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.sampled_from(fields), ODD)
    def ask(place: tuple[str, str, str, dict[str, Any]], value: Any) -> None:
        method, url, field, shown = place
        body = {field: value} if method == "patch" else {**shown, field: value}
        answer = quiet.call(method, url, body)
        assert answer.status_code < 500, (method, url, body, answer.content[:300])

    ask()


def _shown(api: Api, url: str, described: dict[str, Any]) -> dict[str, Any]:
    """What is there already, so that one field alone is wrong."""
    answer = api.call("get", url)
    try:
        body = answer.json()
    except ValueError:
        return {}
    if isinstance(body, dict) and body.get("results"):
        body = {**body["results"][0], "name": "another"}
    return {k: v for k, v in body.items() if k in described} if isinstance(body, dict) else {}


def test_half_a_character_is_no_text(quiet: Api) -> None:
    for body in ('{"name": "\\ud800"}', '{"x": ["\\udfff"]}', '{"\\ud800": 1}'):
        answer = quiet.client.post(
            "/api/v2/organizations/", body, content_type="application/json", headers=quiet.headers
        )
        assert (answer.status_code, answer.json()["detail"]) == (
            400, "JSON parse error - Surrogate characters are not allowed.",
        )  # fmt: skip
    assert quiet.post("/api/v2/organizations/", {"name": "\U0001f600"})["name"] == "\U0001f600"


def test_numbers_that_json_does_not_know_are_refused(quiet: Api) -> None:
    for word in ("NaN", "Infinity", "-Infinity"):
        answer = quiet.client.post(
            "/api/v2/hosts/", f'{{"instance_id": {word}}}', content_type="application/json",
            headers=quiet.headers,
        )  # fmt: skip
        assert answer.status_code == 400, word


def test_a_body_that_is_too_large_is_refused_unread(db: str, monkeypatch: Any) -> None:
    """By a real server: what is announced, what is not, and what lies about its length."""
    server = Server()
    server.start()
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    assert most is not None
    try:
        with httpx.Client(base_url=server.url, auth=("admin", "correct horse")) as client:
            for content in (b"x" * (most + 1), (b"x" * (1 << 20) for _ in range(100))):
                answer = client.post(
                    "/api/v2/organizations/", content=content,
                    headers={"Content-Type": "application/json"},
                )  # fmt: skip
                assert answer.status_code == 413
                assert answer.json() == {"detail": "The request is larger than this server takes."}
            assert client.post("/login/", content=b"x" * (most + 1)).status_code == 413
            large = json.dumps({"name": "large", "description": "x" * (1 << 20)})
            answer = client.post(
                "/api/v2/organizations/", content=large,
                headers={"Content-Type": "application/json"},
            )  # fmt: skip
            assert answer.status_code == 201
    finally:
        server.kill()


def test_a_large_body_is_refused_by_the_view_too(quiet: Api, monkeypatch: Any) -> None:
    monkeypatch.setattr(settings, "DATA_UPLOAD_MAX_MEMORY_SIZE", 1000)
    answer = quiet.call("post", "/api/v2/organizations/", {"name": "x", "description": "y" * 1000})
    assert answer.status_code == 413
    assert "larger" in answer.json()["detail"]


# Queries


QUERIES = (
    f"page={HUGE}", f"page=-{HUGE}", "page=0", "page=x", "page=", "page=1.5", "page=%00",
    f"page_size={HUGE}", "page_size=201", "page_size=0", "page_size=-1", "page_size=x",
    "page_size=%00", "count_disabled=1&page=5", "search=%00", "search=" + "x" * 2000,
    "search=%F0%9F%98%80", "search=%FF%FE", "order_by=nosuch", "order_by=-", "order_by=,,",
    "order_by=%00", "order_by=id__x", "order_by=created_by__password", "order_by=-password",
    f"id={HUGE}", f"id__in={HUGE},1", f"id__gt={HUGE}", "id=x", "id=", "id__isnull=maybe",
    "id__regex=(", "id__contains=1", "nosuch=1", "nosuch__id=1", "id__nosuch=1", "__=1", "_=1",
    "or__=1", "not__=1", "chain__or__not__id=1", "%00=1", "%FF=1", "created__gt=never",
    "created=2024-13-45", "created__gt=99999-01-01", "modified__lt=0001-01-01", "related__search=",
    "type=nosuch", "role_level=nosuch", "role_level=%00", "format=nosuch", f"limit={HUGE}",
    "limit=-1", "limit=x", "host_filter=(", "host_filter=%00", f"host_filter=id={HUGE}",
    f"start_line={HUGE}&end_line=-{HUGE}", "start_line=x", f"counter__gte={HUGE}",
)  # fmt: skip
REFUSED = ("page=0", "page=x", f"page={HUGE}", "nosuch=1", "id=x", "order_by=nosuch", "%00=1",
           "order_by=-password")  # fmt: skip


def test_no_query_crashes_any_list_or_object(quiet: Api) -> None:
    """Each query on a few places, each place with a few queries; lists refuse what has no sense."""
    ids = build()
    urls = places(ids)
    turns = itertools.cycle(urls)
    for query in QUERIES:
        for url in itertools.islice(turns, 6):
            answer = quiet.call("get", f"{url}?{query}")
            assert answer.status_code < 500, (url, query, answer.content[:300])
    for query in REFUSED:
        for url in ("/api/v2/users/", "/api/v2/jobs/", "/api/v2/unified_jobs/"):
            answer = quiet.call("get", f"{url}?{query}")
            assert answer.status_code in (400, 403, 404), (url, query)
            assert answer.json()["detail"]


def test_a_page_is_never_larger_than_the_largest(quiet: Api) -> None:
    for size in ("201", str(HUGE), "1" * 400):
        assert "results" in quiet.get(f"/api/v2/hosts/?page_size={size}")


def models() -> Iterator[type[Model]]:
    from gantry.api.urls import v2

    found = {
        p.callback.cls.model
        for p in v2
        if issubclass(getattr(p.callback, "cls", object), generics.ListAPIView)
    }
    yield from sorted(found, key=lambda m: m.__name__)


def test_no_look_up_reaches_a_secret_by_any_way() -> None:
    """Of every list, through every relation and the next: what is not allowed is refused."""
    tried = 0
    for model in models():
        for path, end in _ways(model):
            hidden = {f.name for f in end._meta.get_fields()} - set(allowed_fields(end))
            for kind, names in SECRET.items():
                hidden |= names if issubclass(end, kind) else set()
            for name in hidden | PASSWORDS:
                if name in INTERNAL and name in allowed_fields(end):
                    continue
                tried += 1
                with pytest.raises((ParseError, PermissionDenied)):
                    resolve(model, "__".join([*path, name]))
    assert tried > 1000


# Names that sound like a secret and are none, or none that is kept readable.
NO_SECRETS = {
    "ask_credential_on_launch", "ee_signature", "signature_keys", "signature_policy",
    "host_config_key", "become_enabled",
}  # fmt: skip
SOUNDS_SECRET = re.compile("passw|secret|token|key|hash|private|sealed|signature")


def test_a_new_column_that_sounds_like_a_secret_is_looked_at() -> None:
    """Whoever adds one says in filter_fields.py that it is, or here that it is not."""
    for model in {end for start in models() for _, end in _ways(start)}:
        for name, field in allowed_fields(model).items():
            hidden = any(name in names for kind, names in SECRET.items() if issubclass(model, kind))
            if field.is_relation or hidden or name in NO_SECRETS | PASSWORDS:
                continue
            assert not SOUNDS_SECRET.search(name), f"{model.__name__}.{name}"


def _ways(model: type[Model]) -> Iterator[tuple[list[str], type[Model]]]:
    yield [], model
    for name, field in allowed_fields(model).items():
        if not field.is_relation:
            continue
        yield [name], field.related_model
        for further, second in allowed_fields(field.related_model).items():
            if second.is_relation and second is not field.remote_field:
                yield [name, further], second.related_model


def test_secrets_are_not_sorted_by_either(quiet: Api) -> None:
    for path in ("password", "created_by__password", "credentials__inputs", "start_secrets"):
        assert quiet.call("get", f"/api/v2/job_templates/?order_by={path}").status_code in (
            400,
            403,
        )


# Everything else that a client chooses


def test_nul_and_nonsense_in_a_login_are_a_wrong_login(quiet: Api) -> None:
    for name, password in (("ad\0min", "x"), ("admin", "x\0"), ("\0", "\0"), ("\udcff", "x")):
        raw = f"{name}:{password}".encode("utf-8", "surrogateescape")
        headers = {"Authorization": "Basic " + base64.b64encode(raw).decode()}
        assert quiet.client.get("/api/v2/me/", headers=headers).status_code == 401, raw
        if "\udcff" not in name:
            answer = quiet.client.post("/api/login/", {"username": name, "password": password})
            assert answer.status_code == 401, raw


def test_headers_of_nonsense_are_nobody_s(quiet: Api) -> None:
    for value in ("Basic", "Basic x", "Basic \xff", "Bearer", "Bearer \0", "Bearer " + "x" * 9000,
                  "Nonsense x", "Basic " + base64.b64encode(b"\xff\xfe").decode()):  # fmt: skip
        answer = quiet.client.get("/api/v2/me/", headers={"Authorization": value})
        assert answer.status_code == 401, value
    for cookie in ("awx_sessionid=\0", "awx_sessionid=" + "x" * 5000, "=;;;", "csrftoken"):
        answer = quiet.client.get("/api/v2/me/", headers={"Cookie": cookie})
        assert answer.status_code == 401, cookie


def test_addresses_of_nonsense_lead_nowhere(quiet: Api) -> None:
    for path in (f"jobs/{HUGE}/", f"jobs/{2**63}/stdout/", f"job_events/{HUGE}/", "jobs/-1/",
                 "jobs/%00/", "users/%00/personal_tokens/", "users/\u0662/", "jobs/1%2F2/",
                 "users/a%00b/personal_tokens/"):  # fmt: skip
        for method in ("get", "post", "delete"):
            answer = quiet.call(method, f"/api/v2/{path}", {} if method == "post" else None)
            assert answer.status_code in (404, 405), (method, path, answer.status_code)


def test_a_row_that_is_not_there_cannot_be_attached(quiet: Api) -> None:
    ids = build()
    for url in (f"/api/v2/teams/{ids['teams']}/users/", "/api/v2/organizations/1/users/",
                f"/api/v2/job_templates/{ids['job_templates']}/labels/"):  # fmt: skip
        for wanted in (HUGE, -1, 2**63, 2**31, "x", 1.5, True, [], {}):
            for more in ({}, {"disassociate": True}):
                answer = quiet.call("post", url, {"id": wanted, **more})
                assert answer.status_code == 400, (url, wanted)
