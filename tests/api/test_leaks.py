"""Every endpoint as anonymous, as a plain user, as another organization's administrator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.api.conftest import Api
from tests.api.world import SECRET, build

OPEN = {"", "v2/", "v2/ping/", "v2/schema/", "v2/auth/"}
# What asks an engine and a registry: tests/api/test_images.py has them, and who may.
ASK_OTHERS = ("/platforms/", "images/")
OWN = (
    "/credentials/", "/teams/1/roles/", "/schedules/preview/", "/role_user_assignments/",
    "/role_team_assignments/", "/test/", "/host_create/", "/host_delete/",
    "/job_launch/",
)  # fmt: skip
# Webhooks come here: their signature is the login.
RECEIVERS = tuple(f"/{name}/" for name in ("github", "gitlab", "bitbucket_dc", "gitea"))
UNSAFE = ("post", "put", "patch", "delete")


def endpoints(ids: dict[str, int]) -> Iterator[tuple[str, str]]:
    """(noun, URL) of everything in the map of the API."""
    from gantry.api.urls import v2

    for pattern in v2:
        route = str(pattern.pattern)
        noun = route.split("/")[0]
        if route.endswith(ASK_OTHERS):
            continue
        if "<str:name>" in route or "<path:part>" in route:
            continue  # another name of a URL that is in the map
        route = route.replace("<int:number>", "1")
        if "<int:pk>" in route:
            if noun not in ids:
                continue
            route = route.replace("<int:pk>", str(ids[noun]))
        yield noun, f"/api/v2/{route}"


def test_the_map_is_complete(db: str) -> None:
    from gantry.api.urls import v2

    ids = build()
    assert {str(p.pattern).split("/")[0] for p in v2 if "<int:pk>" in str(p.pattern)} <= set(ids)


def test_anonymous_gets_nothing(anonymous: Api) -> None:
    ids = build()
    for _, url in endpoints(ids):
        if url.removeprefix("/api/") in OPEN:
            continue
        for method in ("get", "options", *UNSAFE):
            response = anonymous.call(method, url, {} if method in UNSAFE else None)
            # A callback takes a key instead of a login, and this one is not the right one.
            key = method == "post" and url.endswith(("/callback/", *RECEIVERS))
            wanted = 403 if key else 405 if url.endswith(RECEIVERS) else 401
            if method == "options" and url.endswith(RECEIVERS):
                wanted = 200  # as in AWX: what it is called
            assert response.status_code == wanted, (method, url, response.status_code)


def _shared(noun: str) -> bool:
    """What everybody may read."""
    return noun in (
        "credential_types", "execution_environments", "role_definitions", "", "ping", "config",
        "me",
    )  # fmt: skip


def test_strangers_read_and_change_nothing(plain: Api, other_admin: Api) -> None:
    ids = build()
    for asker in (plain, other_admin):
        for noun, url in endpoints(ids):
            response = asker.call("get", url)
            body = _text(response)
            assert SECRET not in body, url
            assert response.status_code < 500, url
            if str(ids.get(noun, "-")) in url.split("/") and not _shared(noun):
                if noun in ("users", "teams") and asker is other_admin:
                    continue  # AWX's ORG_ADMINS_CAN_SEE_ALL_USERS
                told = (url, response.status_code, body[:200])
                assert response.status_code in (403, 404, 405), told
            for method in UNSAFE:
                answer = asker.call(method, url, {"id": 1, "name": "x"})
                if _makes_own_token(method, url, answer):
                    continue
                assert answer.status_code in (400, 403, 404, 405), (method, url)
            options = asker.call("options", url)
            assert options.status_code in (200, 403, 404), url
    _nothing_changed(ids)


def test_lists_of_strangers_hold_nothing_of_others(plain: Api, other_admin: Api) -> None:
    build()
    for noun in ("organizations", "projects", "project_updates", "credentials", "inventories",
                 "groups", "hosts", "job_templates", "jobs", "unified_jobs",
                 "unified_job_templates"):  # fmt: skip
        for asker in (plain, other_admin):
            for row in asker.get(f"/api/v2/{noun}/")["results"]:
                assert row["name"] == "Other", (noun, row)


def test_secrets_are_shown_to_nobody(api: Api, org_admin: Api, auditor: Api) -> None:
    ids = build()
    for asker in (api, org_admin, auditor):
        for _, url in endpoints(ids):
            assert SECRET not in _text(asker.call("get", url)), url


def test_an_auditor_reads_all_and_changes_nothing(auditor: Api) -> None:
    ids = build()
    for noun, url in endpoints(ids):
        # An export is for those who may change the EE, a key for those who may change its template.
        if url.endswith(("/launch/", "/relaunch/", "/export/", "/webhook_key/")):
            continue
        answer = auditor.call("get", url)
        # Nobody has looked into the image of this world's EE.
        unseen = url.endswith(("/sbom/", "/diff/")) and answer.status_code == 400
        only_posted = answer.status_code == 405 and "GET" not in answer.headers["Allow"]
        nothing = noun == "analytics" or url.endswith(
            ("/install_bundle/", "/receptor_addresses/1/", "/subscriptions/", "/attach/")
        )
        assert unseen or only_posted or nothing or answer.status_code == 200, url
        if noun in ("config", "me", ""):
            continue
        for method in UNSAFE:
            answer = auditor.call(method, url, {"id": 1})
            if _makes_own_token(method, url, answer):
                continue
            # Anybody may own a credential, so what is wrong with one is told before whose it is.
            # So is what AWX refuses to give anybody, and what a bulk request lacks, before whose.
            own = url.endswith(OWN) and answer.status_code == 400
            own = own or noun == "analytics"  # for everybody there is none
            assert own or answer.status_code in (403, 405), (method, url, answer.status_code)
    _nothing_changed(ids)


def _makes_own_token(method: str, url: str, answer: Any) -> bool:
    """Anybody makes tokens for themselves, wherever they ask for one."""
    if method != "post" or not url.endswith("tokens/"):
        return False
    if answer.status_code == 400:
        return bool(list(answer.json()) == ["application"])
    made = answer.status_code == 201
    return made and bool(answer.json()["summary_fields"]["user"]["username"] != "someone")


def _text(response: Any) -> str:
    if response.streaming:
        return b"".join(response.streaming_content).decode()
    return str(response.content.decode())


def _nothing_changed(ids: dict[str, int]) -> None:
    from gantry.api.names import NAMES

    for model, (_, plural) in NAMES.items():
        if plural in ids and plural != "job_events":
            assert model._default_manager.filter(pk=ids[plural]).exists(), plural
