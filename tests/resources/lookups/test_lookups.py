"""Each lookup against its service's HTTP contract. AWS's: tests/journeys/test_aws_lookup.py."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from gantry.resources.lookups import LOOKUPS, LookupFailed, azure_keyvault, thycotic
from tests.resources.lookups.server import Asked, Service, service
from tests.resources.lookups.vault import ROLE_ID, SECRET_ID, TOKEN, as_vault


@pytest.fixture
def server() -> Iterator[Service]:
    with service() as running:
        yield running


def find(kind: str, /, **values: Any) -> str:
    lookup = LOOKUPS[kind]
    return lookup.find(lookup.complete(values))


def kv(server: Service, **values: Any) -> str:
    given = {"url": server.url, "token": TOKEN, "secret_key": "password"}
    return find("hashivault_kv", **{**given, **values})


def test_vault_finds_in_both_versions_of_its_store(server: Service) -> None:
    as_vault(server)

    assert kv(server, secret_path="/kv/team/web") == "from-v1"
    assert kv(server, secret_path="team/web", secret_backend="kv", secret_key="port") == "5432"
    second = {"api_version": "v2", "secret_path": "secret/team/web"}
    assert kv(server, **second) == "from-v2"
    assert kv(server, **second, secret_version="1") == "old-v2"
    named = {"api_version": "v2", "secret_backend": "secret", "secret_path": "/team/web/"}
    assert kv(server, **named, namespace="teams/a") == "from-v2"
    assert server.asked[-1].headers["x-vault-namespace"] == "teams/a"
    assert server.asked[-1].headers["authorization"] == f"Bearer {TOKEN}"


def test_vault_takes_an_approle_and_a_name_with_a_password(server: Service) -> None:
    as_vault(server)
    path = {"secret_path": "kv/team/web", "token": ""}

    assert kv(server, **path, role_id=ROLE_ID, secret_id=SECRET_ID) == "from-v1"
    assert kv(server, **path, username="mary", password="pw", auth_path="userpass") == "from-v1"


def test_vault_signs_a_key(server: Service) -> None:
    as_vault(server)

    signed = find(
        "hashivault_ssh", url=server.url, token=TOKEN, secret_path="/ssh", role="ops",
        public_key="ssh-ed25519 AAAA", valid_principals="deploy",
    )  # fmt: skip

    assert signed == "ssh-ed25519 AAAA signed for deploy"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"token": "wrong"}, "answered HTTP 403"),
        ({"secret_path": "kv/gone"}, "answered HTTP 404"),
        ({"secret_key": "gone"}, "gone is not present at kv/team/web"),
        ({"token": ""}, "authentication parameters must be set"),
        ({"token": "", "role_id": ROLE_ID, "secret_id": "guess"}, "answered HTTP 400"),
        ({"secret_path": ""}, "it lacks secret_path"),
        ({"url": "http://127.0.0.1:1"}, "127.0.0.1:1: no connection"),
        ({"url": "nonsense"}, "the request failed"),
        ({"api_version": "v2", "secret_path": "secret/team/web", "secret_key": "nested"},
         "the value is no text"),
    ],
)  # fmt: skip
def test_why_vault_found_nothing_is_told_without_a_secret(
    server: Service, values: dict[str, Any], words: str
) -> None:
    as_vault(server)

    with pytest.raises(LookupFailed, match=words) as raised:
        kv(server, **{"secret_path": "kv/team/web", **values})

    for secret in (TOKEN, "wrong", SECRET_ID, "guess"):
        assert secret not in raised.value.reason


def test_a_vault_that_redirects_talks_nonsense_or_floods_is_no_vault(server: Service) -> None:
    def answers(status: int, body: Any) -> None:
        server.routes["GET /v1/kv/team/web"] = lambda asked: (status, body)

    for status, body, words in (
        (307, "http://127.0.0.1:1/elsewhere", "HTTP 307"),
        (200, "<html>", "the answer has no data"),
        (200, {"data": ["a"]}, "password is not present"),
        (200, "x" * (2 << 20), "more than 1 MiB"),
    ):
        answers(status, body)
        with pytest.raises(LookupFailed, match=words):
            kv(server, secret_path="kv/team/web")


def test_azure_finds_with_a_token_of_its_tenant(
    server: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = azure_keyvault.Cloud(f"{server.url}/", "https://vault.azure.net/.default")
    monkeypatch.setitem(azure_keyvault.CLOUDS, "AzureCloud", cloud)
    server.routes |= {
        "POST /tenant-1/oauth2/v2.0/token": lambda a: (200, {"access_token": "t"}),
        "GET /secrets/db/v7": lambda a: (200, {"value": "from-azure"}),
        "GET /secrets/db": lambda a: (200, {"value": "newest"}),
    }
    given = {"url": server.url, "client": "c", "secret": "s", "tenant": "tenant-1",
             "secret_field": "db"}  # fmt: skip

    assert find("azure_kv", **given, secret_version="v7") == "from-azure"
    assert find("azure_kv", **given) == "newest"
    login, asked = server.asked[:2]
    assert login.form() == {
        "grant_type": "client_credentials", "client_id": "c", "client_secret": "s",
        "scope": "https://vault.azure.net/.default",
    }  # fmt: skip
    assert asked.headers["authorization"] == "Bearer t"
    assert asked.query == {"api-version": ["7.4"]}


def test_the_central_credential_provider_gives_a_property_of_an_account(server: Service) -> None:
    account = {"Content": "from-ccp", "UserName": "root", "Address": "h"}
    server.routes["GET /AIMWebService/api/Accounts"] = lambda a: (200, account)
    given = {"url": server.url, "app_id": "app", "object_query": "Safe=S;Object=a b"}

    assert find("aim", **given) == "from-ccp"
    assert find("aim", **given, object_property="username", reason="why") == "root"
    assert server.asked[-1].query == {
        "AppId": ["app"], "Query": ["Safe=S;Object=a b"], "QueryFormat": ["Exact"],
        "reason": ["why"],
    }  # fmt: skip


def test_conjur_is_asked_with_a_token_on_its_own_path_and_on_its_clouds(server: Service) -> None:
    def variable(asked: Asked) -> tuple[int, Any]:
        told = base64.b64encode(b'{"payload": 1}').decode()
        right = asked.headers["authorization"] == f'Token token="{told}"'
        return (200, "from-conjur") if right else (401, "")

    given = {"url": server.url, "api_key": "k", "account": "acme", "username": "host/awx",
             "secret_path": "db/password"}  # fmt: skip
    for base in ("", "/api"):
        server.routes = {
            f"POST {base}/authn/acme/host%2Fawx/authenticate": lambda a: (200, '{"payload": 1}'),
            f"GET {base}/secrets/acme/variable/db%2Fpassword": variable,
        }
        assert find("conjur", **given, secret_version="3") == "from-conjur"
        assert server.asked[-1].query == {"version": ["3"]}


def test_centrify_checks_out_the_password_of_an_account(server: Service) -> None:
    rows = {"Result": {"Results": [{"Row": {"ID": "42"}}]}}
    server.routes |= {
        "POST /oauth2/token/awx": lambda a: (200, {"access_token": "t"}),
        "POST /Redrock/query": lambda a: (200, rows),
        "POST /ServerManage/CheckoutPassword": lambda a: (200, {"Result": {"Password": "from-c"}}),
    }
    given = {"url": server.url, "client_id": "c", "client_password": "p", "system-name": "web1",
             "account-name": "root"}  # fmt: skip

    assert find("centrify_vault_kv", **given) == "from-c"
    assert "Name='web1' and User='root'" in server.asked[1].json()["Script"]
    assert server.asked[2].json() == {"ID": "42"}
    with pytest.raises(LookupFailed, match="quotation mark"):
        find("centrify_vault_kv", **{**given, "system-name": "x' or '1'='1"})


def test_devops_secrets_vault_gives_a_field_decoded_where_asked(
    server: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thycotic, "DSV_URL", server.url)
    data = {"plain": "from-dsv", "file": base64.b64encode(b"decoded").decode()}
    server.routes |= {
        "POST /v1/token": lambda a: (200, {"accessToken": "t"}),
        "GET /v1/secrets/test/secret1": lambda a: (200, {"data": data}),
    }
    given = {"tenant": "ex", "client_id": "c", "client_secret": "s", "path": "/test/secret1"}

    assert find("thycotic_dsv", **given, secret_field="plain") == "from-dsv"
    decoded = {"secret_field": "file", "secret_decoding": "Decode Base64"}
    assert find("thycotic_dsv", **given, **decoded) == "decoded"


def test_secret_server_gives_a_field_or_the_file_in_it(server: Service) -> None:
    items = [{"slug": "password", "fieldName": "Password", "itemValue": "from-tss"},
             {"slug": "private-key", "fieldName": "Key", "fileAttachmentId": 3}]  # fmt: skip
    server.routes |= {
        "POST /oauth2/token": lambda a: (200, {"access_token": "t"}),
        "GET /api/v1/secrets/7": lambda a: (200, {"items": items}),
        "GET /api/v1/secrets/7/fields/private-key": lambda a: (200, "a key"),
    }
    given = {"server_url": server.url, "username": "u", "password": "p", "domain": "d",
             "secret_id": "7"}  # fmt: skip

    assert find("thycotic_tss", **given, secret_field="password") == "from-tss"
    assert find("thycotic_tss", **given, secret_field="private-key") == "a key"
    assert server.asked[0].form() == {
        "grant_type": "password", "username": "u", "password": "p", "domain": "d",
    }  # fmt: skip
    with pytest.raises(LookupFailed, match="the secret has no field gone"):
        find("thycotic_tss", **given, secret_field="gone")
