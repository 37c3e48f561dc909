"""Input sources and the test button: AWX's answers, who may, and that no secret leaves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.conftest import Api, make_user
from tests.api.world import type_id
from tests.resources.lookups.server import Service, service
from tests.resources.lookups.vault import TOKEN, as_vault

URL = "/api/v2/credential_input_sources/"
WHERE = {"secret_path": "kv/team/web", "secret_key": "password"}


@pytest.fixture
def vault() -> Iterator[Service]:
    with service() as running:
        yield as_vault(running)


def credential(api: Api, namespace: str, name: str, **inputs: Any) -> int:
    body = {"name": name, "organization": 1, "credential_type": type_id(namespace),
            "inputs": inputs}  # fmt: skip
    return int(api.post("/api/v2/credentials/", body)["id"])


@pytest.fixture
def pair(api: Api, vault: Service) -> tuple[int, int]:
    """A machine, and where its password is."""
    source = credential(api, "hashivault_kv", "The vault", url=vault.url, token=TOKEN)
    return credential(api, "ssh", "Machines", username="ops"), source


def body(pair: tuple[int, int], **more: Any) -> dict[str, Any]:
    target, source = pair
    given = {"target_credential": target, "source_credential": source,
             "input_field_name": "password", "metadata": WHERE}  # fmt: skip
    return given | more


def test_awxs_external_types_are_there(api: Api) -> None:
    found = api.get("/api/v2/credential_types/?kind=external&order_by=namespace")["results"]

    assert [row["namespace"] for row in found] == [
        "aim", "aws_secretsmanager_credential", "azure_kv", "centrify_vault_kv", "conjur",
        "hashivault_kv", "hashivault_ssh", "thycotic_dsv", "thycotic_tss",
    ]  # fmt: skip
    for row in found:
        assert set(row["inputs"]) == {"fields", "metadata", "required"}
        assert row["managed"] is True


def test_a_field_gets_a_source_and_the_credential_opens_with_what_is_there(
    api: Api, pair: tuple[int, int], vault: Service
) -> None:
    from gantry.resources.models import Credential

    made = api.post(URL, body(pair))

    assert made["type"] == "credential_input_source"
    assert "name" not in made
    assert made["related"]["source_credential"] == f"/api/v2/credentials/{pair[1]}/"
    assert made["summary_fields"]["target_credential"]["kind"] == "ssh"
    assert made["summary_fields"]["user_capabilities"] == {"delete": True}
    [listed] = api.get(f"/api/v2/credentials/{pair[0]}/input_sources/")["results"]
    assert listed == made
    row = Credential.objects.get(pk=pair[0])
    assert row.open_inputs()["password"] == "from-v1"
    assert row.secret_values() == ["from-v1"]
    assert len(vault.asked) == 1  # once for the object
    assert "from-v1" not in str(api.get(f"/api/v2/credentials/{pair[0]}/"))
    copy = api.post(f"/api/v2/credentials/{pair[0]}/copy/", {"name": "A copy"})
    assert Credential.objects.get(pk=copy["id"]).open_inputs()["password"] == "from-v1"
    changed = api.patch(made["url"], {"metadata": {**WHERE, "secret_key": "port"}})
    assert changed["metadata"]["secret_key"] == "port"
    assert Credential.objects.get(pk=pair[0]).open_inputs()["password"] == "5432"
    api.delete(made["url"])
    assert "password" not in Credential.objects.get(pk=pair[0]).open_inputs()


def test_what_is_wrong_is_told_as_in_awx(api: Api, pair: tuple[int, int]) -> None:
    target, source = pair
    api.post(f"/api/v2/credentials/{target}/input_sources/", body(pair))

    def refused(**more: Any) -> Any:
        return api.post(URL, body(pair, **more), 400)

    assert refused(target_credential=source) == {
        "target_credential": ["Target must be a non-external credential"]
    }
    assert refused(source_credential=target) == {
        "source_credential": ["Source must be an external credential"]
    }
    [words] = refused(input_field_name="nope")["input_field_name"]
    assert words.startswith("Input field must be defined on target credential (options are become")
    assert refused(input_field_name="username", metadata={"secret_path": "a"}) == {
        "metadata": {"secret_key": ["required for HashiCorp Vault Secret Lookup"]}
    }
    assert refused(input_field_name="username", metadata={**WHERE, "x": 1}) == {
        "metadata": ["Additional properties are not allowed ('x' was unexpected)"]
    }
    assert "metadata" in refused(input_field_name="username", metadata=[1])
    assert "metadata" in refused(input_field_name="username", metadata={**WHERE, "auth_path": 3})
    assert list(refused()) == ["__all__"]  # the field has a source already
    assert list(api.post(URL, {}, 400)) == [
        "input_field_name", "target_credential", "source_credential"
    ]  # fmt: skip


def test_the_button_says_whether_the_service_answers(
    api: Api, pair: tuple[int, int], vault: Service
) -> None:
    test = f"/api/v2/credentials/{pair[1]}/test/"

    assert api.post(test, {"metadata": WHERE}, 202) == {}
    told = api.post(test, {"metadata": {**WHERE, "secret_path": "kv/none"}}, 400)
    assert told == {"inputs": "HTTP 404"}
    kept = {"token": "$encrypted$", "url": vault.url}
    assert api.post(test, {"inputs": kept, "metadata": WHERE}, 202) == {}
    other = {"inputs": {"token": "a-guess"}, "metadata": WHERE}
    assert api.post(test, other, 400) == {"inputs": "HTTP 403"}
    down = api.post(test, {"inputs": {"url": "http://127.0.0.1:1"}, "metadata": WHERE}, 400)
    assert down == {"inputs": "127.0.0.1:1: no connection"}
    assert api.post(test, {"inputs": [1]}, 400) == {"inputs": ["list provided, expected dict"]}
    assert api.post(f"/api/v2/credentials/{pair[0]}/test/", {}, 400) == {
        "inputs": "credentials of type Machine look nothing up"
    }
    kind = f"/api/v2/credential_types/{type_id('hashivault_kv')}/test/"
    inputs = {"url": vault.url, "token": TOKEN}
    assert api.post(kind, {"inputs": inputs, "metadata": WHERE}, 202) == {}
    assert api.post(kind, {"inputs": inputs}, 400) == {"inputs": "it lacks secret_path, secret_key"}


def test_it_takes_the_administration_of_the_target_and_the_use_of_the_source(
    api: Api, pair: tuple[int, int]
) -> None:
    from gantry.resources.models import Credential, Organization
    from gantry.resources.roles import role_on

    user = make_user("mary")
    Organization.objects.get(name="Default").users.add(user)
    mary = Api("mary", "pw")
    target, source = (Credential.objects.get(pk=pk) for pk in pair)
    test = f"/api/v2/credentials/{source.pk}/test/"

    mary.post(URL, body(pair), 403)
    role_on(target, "admin_role").members.add(user)
    mary.post(URL, body(pair), 403)
    mary.post(test, {"metadata": WHERE}, 403)
    role_on(source, "use_role").members.add(user)
    made = mary.post(URL, body(pair))
    mary.post(test, {"metadata": WHERE}, 202)
    # Its secrets are not sent to where she says.
    mary.post(test, {"inputs": {"url": "http://127.0.0.1:1"}, "metadata": WHERE}, 403)
    role_on(target, "admin_role").members.remove(user)
    assert mary.get(URL)["count"] == 0
    mary.get(made["url"], 403)
    mary.delete(made["url"], 403)


def test_a_lookup_that_fails_names_credential_field_and_lookup_and_no_secret(
    api: Api, pair: tuple[int, int], vault: Service
) -> None:
    from gantry.base.errors import JobFailure
    from gantry.resources.models import Credential

    api.post(URL, body(pair, metadata={**WHERE, "secret_key": TOKEN}))

    with pytest.raises(JobFailure) as raised:
        Credential.objects.get(pk=pair[0]).open_inputs()

    assert raised.value.sentence == (
        "Field password of credential Machines could not be looked up by credential The vault "
        "(HashiCorp Vault Secret Lookup): ******** is not present at kv/team/web."
    )
    assert (raised.value.status, raised.value.code) == ("error", "lookup_failed")
