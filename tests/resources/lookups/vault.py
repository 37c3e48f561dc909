"""HashiCorp Vault as its API documentation has it: logins, a v1 and a v2 store, and signing.

https://developer.hashicorp.com/vault/api-docs
"""

from __future__ import annotations

from typing import Any

from tests.resources.lookups.server import Asked, Service

TOKEN, ROLE_ID, SECRET_ID = "hvs.root", "role-1", "secret-1"
STORES: dict[str, dict[str, Any]] = {
    "/v1/kv/team/web": {"password": "from-v1", "port": 5432},
}
VERSIONS = {1: {"password": "old-v2"}, 2: {"password": "from-v2", "nested": {"a": 1}}}


def login(asked: Asked) -> tuple[int, Any]:
    given = asked.json()
    right = given in (
        {"role_id": ROLE_ID, "secret_id": SECRET_ID}, {"username": "mary", "password": "pw"},
    )  # fmt: skip
    return (200, {"auth": {"client_token": TOKEN}}) if right else (400, {"errors": ["denied"]})


def _known(asked: Asked) -> bool:
    return asked.headers.get("x-vault-token") == TOKEN


def _v1(asked: Asked) -> tuple[int, Any]:
    return (200, {"data": STORES[asked.path]}) if _known(asked) else (403, {"errors": ["no"]})


def _v2(asked: Asked) -> tuple[int, Any]:
    if not _known(asked):
        return 403, {"errors": ["permission denied"]}
    version = int(asked.query.get("version", ["2"])[0])
    if version not in VERSIONS:
        return 404, {"errors": []}
    return 200, {"data": {"data": VERSIONS[version], "metadata": {"version": version}}}


def _sign(asked: Asked) -> tuple[int, Any]:
    given = asked.json()
    signed = f"{given['public_key']} signed for {given.get('valid_principals', '*')}"
    return (200, {"data": {"signed_key": signed}}) if _known(asked) else (403, {"errors": []})


def as_vault(service: Service) -> Service:
    service.routes |= {
        "POST /v1/auth/approle/login": login,
        "POST /v1/auth/userpass/login/mary": login,
        "GET /v1/kv/team/web": _v1,
        "GET /v1/secret/data/team/web": _v2,
        "POST /v1/ssh/sign/ops": _sign,
    }
    return service
