"""Credentials and their types: secrets stay in, inputs fit, templates are never run."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Api
from tests.api.world import SECRET, type_id

V2 = "/api/v2"
LOCKED_KEY = (
    "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,AA\n\n"
    "c2VjcmV0\n-----END RSA PRIVATE KEY-----"
)
OPEN_KEY = "-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END RSA PRIVATE KEY-----"


def test_secrets_go_in_and_do_not_come_out(api: Api) -> None:
    from gantry.resources.models import Credential

    inputs = {"username": "root", "password": SECRET, "become_password": "ASK"}
    body = {"name": "m", "user": 1, "credential_type": type_id("ssh"), "inputs": inputs}
    made = api.post(f"{V2}/credentials/", body)
    assert made["inputs"] == {
        "username": "root", "password": "$encrypted$", "become_password": "ASK",
    }  # fmt: skip
    row = Credential.objects.get(pk=made["id"])
    assert SECRET not in str(row.inputs)
    assert row.open_inputs()["password"] == SECRET
    assert row.inputs["become_password"] == "ASK"

    back = api.patch(made["url"], {"inputs": {**made["inputs"], "username": "me"}})
    assert back["inputs"]["username"] == "me"
    row.refresh_from_db()
    assert row.open_inputs()["password"] == SECRET
    api.patch(made["url"], {"inputs": {"ssh_key_unlock": "$encrypted$"}})
    row.refresh_from_db()
    assert row.inputs == {}


def test_exactly_one_owns_a_credential(api: Api) -> None:
    body = {"name": "m", "credential_type": type_id("ssh"), "inputs": {}}
    answer = api.post(f"{V2}/credentials/", {**body, "user": 1, "organization": 1}, 400)
    assert answer == {
        "detail": [
            "Only one of 'user', 'team', or 'organization' should be provided, received "
            "organization, user fields."
        ]
    }
    owned = api.post(f"{V2}/credentials/", {**body, "user": 1})
    assert owned["summary_fields"]["owners"][0]["type"] == "user"
    assert api.get(f"{V2}/users/1/credentials/")["count"] == 1


@pytest.mark.parametrize(
    ("kind", "inputs", "problem"),
    [
        ("ssh", {"nosuch": 1}, ["Additional properties are not allowed ('nosuch' was unexpected)"]),
        ("ssh", {"username": 5}, {"username": ["5 is not of type 'string'"]}),
        ("ssh", {"password": 5}, {"password": ["secret values must be of type string, not int"]}),
        ("ssh", {"ssh_key_data": "-----BEGIN X-----\nx\n-----END X-----"}, None),
        ("ssh", {"ssh_key_data": LOCKED_KEY},
         {"ssh_key_unlock": ["must be set when SSH key is encrypted."]}),
        ("ssh", {"ssh_key_data": OPEN_KEY, "ssh_key_unlock": "x"},
         {"ssh_key_unlock": ["should not be set when SSH key is not encrypted."]}),
        ("ssh", {"password": "$encrypted$"},
         ["$encrypted$ is a reserved keyword, and cannot be used for password."]),
        ("vault", {"vault_password": "x", "vault_id": "a@b"},
         {"vault_id": ["@ is not an allowed character"]}),
        ("registry", {"verify_ssl": "no"}, {"verify_ssl": ["'no' is not of type 'boolean'"]}),
        ("ssh", [], None),
    ],
)  # fmt: skip
def test_inputs_that_do_not_fit(api: Api, kind: str, inputs: Any, problem: Any) -> None:
    body = {"name": "m", "user": 1, "credential_type": type_id(kind), "inputs": inputs}
    answer = api.post(f"{V2}/credentials/", body, 400)
    assert list(answer) == ["inputs"]
    if problem is not None:
        assert answer["inputs"] == problem


def test_a_key_and_its_passphrase_are_judged_together(api: Api) -> None:
    inputs = {"ssh_key_data": LOCKED_KEY, "ssh_key_unlock": "phrase"}
    body = {"name": "m", "user": 1, "credential_type": type_id("ssh"), "inputs": inputs}
    made = api.post(f"{V2}/credentials/", body)
    api.patch(made["url"], {"inputs": {**made["inputs"], "username": "x"}})
    only_key = {"ssh_key_data": "$encrypted$"}
    assert "ssh_key_unlock" in api.patch(made["url"], {"inputs": only_key}, 400)["inputs"]


@pytest.mark.parametrize(
    ("injectors", "said"),
    [
        ({"env": {"PATH": "x"}}, "Environment variable PATH is not allowed"),
        ({"env": {"ANSIBLE_X": "x"}}, "may affect Ansible configuration"),
        ({"env": {"A": "{{ nosuch }}"}}, "uses an undefined field"),
        ({"env": {"A": "{{"}}, "Syntax error rendering template"),
        ({"env": {"A": "{{ tower.filename }}"}}, "Must define unnamed file injector"),
        ({"file": {"template": "a", "template.b": "c"}}, "multi-file syntax"),
        ({"extra_vars": {"a": {"b": ["{{ nosuch }}"]}}}, "uses an undefined field"),
        ({"nosuch": {}}, "Additional properties"),
        ([], "provided, expected dict"),
        ({"env": {"A": "{{ 'a' * 10**10 }}"}}, None),
    ],
)
def test_injectors_are_read_and_never_run(api: Api, injectors: Any, said: str | None) -> None:
    body = {
        "name": "own", "kind": "cloud", "injectors": injectors,
        "inputs": {"fields": [{"id": "token", "label": "T", "secret": True}]},
    }  # fmt: skip
    if said is None:
        api.post(f"{V2}/credential_types/", body)
        return
    answer = api.post(f"{V2}/credential_types/", body, 400)
    assert said in answer["injectors"][0]


def test_managed_and_used_types_stay(api: Api, org_admin: Api) -> None:
    ssh = f"{V2}/credential_types/{type_id('ssh')}/"
    api.patch(ssh, {"name": "x"}, 403)
    api.delete(ssh, 403)
    body = {"name": "own", "kind": "cloud", "inputs": {"fields": [{"id": "t", "label": "T"}]}}
    org_admin.post(f"{V2}/credential_types/", body, 403)
    own = api.post(f"{V2}/credential_types/", body)
    assert own["inputs"]["fields"][0]["type"] == "string"
    api.post(f"{V2}/credentials/", {"name": "c", "user": 1, "credential_type": own["id"]})
    api.patch(own["url"], {"inputs": {}}, 403)
    api.delete(own["url"], 403)
