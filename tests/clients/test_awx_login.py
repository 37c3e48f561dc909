"""`awx login` of AWX's own command line, and what can be done with the token that it prints."""

from __future__ import annotations

import json
import re

from tests.api.conftest import Api
from tests.api.test_applications import made
from tests.clients.conftest import Awx

PERSON = {"CONTROLLER_USERNAME": "admin", "CONTROLLER_PASSWORD": "correct horse"}


def token_of(output: str) -> str:
    found = re.search(r"export CONTROLLER_OAUTH_TOKEN=(\w{30})\n", output)
    assert found, output
    return found[1]


def test_a_personal_token(awx: Awx, api: Api) -> None:
    token = token_of(awx("login", "-f", "human", "--description", "laptop", **PERSON).stdout)
    [kept] = api.get("/api/v2/tokens/")["results"]
    assert (kept["description"], kept["scope"], kept["application"]) == ("laptop", "write", None)
    me = awx("me", CONTROLLER_OAUTH_TOKEN=token)
    assert json.loads(me.stdout)["results"][0]["username"] == "admin", me.stderr


def test_a_token_for_reading(awx: Awx) -> None:
    token = token_of(awx("login", "-f", "human", "--conf.scope", "read", **PERSON).stdout)
    listed = awx("organizations", "list", CONTROLLER_OAUTH_TOKEN=token)
    assert json.loads(listed.stdout)["results"][0]["name"] == "Default", listed.stderr
    refused = awx("organizations", "delete", "1", CONTROLLER_OAUTH_TOKEN=token)
    assert refused.returncode != 0
    assert "You do not have permission to perform this action." in refused.stdout + refused.stderr


def test_a_token_by_an_application(awx: Awx, api: Api) -> None:
    confidential, public = made(api), made(api, name="public", client_type="public")
    with_secret = awx(
        "login", "-f", "human", "--conf.client_id", confidential["client_id"],
        "--conf.client_secret", confidential["client_secret"], **PERSON,
    )  # fmt: skip
    without = awx("login", "-f", "human", "--conf.client_id", public["client_id"], **PERSON)
    for answer in (with_secret, without):
        me = awx("me", CONTROLLER_OAUTH_TOKEN=token_of(answer.stdout))
        assert json.loads(me.stdout)["results"][0]["username"] == "admin", me.stderr


def test_a_wrong_password(awx: Awx, api: Api) -> None:
    answer = awx("login", "-f", "human", **{**PERSON, "CONTROLLER_PASSWORD": "wrong"})
    assert "Unauthorized" in answer.stdout + answer.stderr
    assert api.get("/api/v2/tokens/")["count"] == 0


def test_a_session_for_who_has_no_token(awx: Awx) -> None:
    """Without a token every command logs in with the form at /api/login/."""
    me = awx("me", **PERSON)
    assert json.loads(me.stdout)["results"][0]["username"] == "admin", me.stderr


def test_tokens_and_applications_are_resources_of_the_command_line(awx: Awx, api: Api) -> None:
    made = awx(
        "applications", "create", "--name", "cli", "--organization", "Default",
        "--client_type", "confidential", "--authorization_grant_type", "password", **PERSON,
    )  # fmt: skip
    application = json.loads(made.stdout)
    assert len(application["client_secret"]) == 128
    token = awx("tokens", "create", "--application", "cli", "--scope", "read", **PERSON)
    assert json.loads(token.stdout)["application"] == application["id"], token.stderr
    awx("tokens", "delete", str(json.loads(token.stdout)["id"]), **PERSON)
    assert api.get("/api/v2/tokens/")["count"] == 0
