"""An organization's rules for images, under `gantry` beside AWX's own fields."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Api
from tests.images.signing import new_key, public_pem

ORGANIZATIONS = "/api/v2/organizations/"


@pytest.fixture
def organization(api: Api) -> dict[str, Any]:
    row: dict[str, Any] = api.post(ORGANIZATIONS, {"name": "Fleet"})
    return row


def test_a_new_organization_allows_everything(organization: dict[str, Any]) -> None:
    assert organization["gantry"] == {
        "allowed_registries": [], "signature_keys": "", "ca_bundle": "", "preflight": "warn",
        "max_concurrent_jobs": 0, "max_forks": 0,
    }  # fmt: skip


def test_rules_are_made_with_the_organization_and_changed_one_by_one(api: Api) -> None:
    key = public_pem(new_key())
    made = api.post(ORGANIZATIONS, {"name": "Fleet", "gantry": {"signature_keys": key}})

    changed = api.patch(made["url"], {"gantry": {"allowed_registries": ["quay.io/acme"]}})

    assert made["gantry"]["signature_keys"] == key
    assert changed["gantry"]["signature_keys"] == key
    assert changed["gantry"]["allowed_registries"] == ["quay.io/acme"]
    assert api.get(made["url"])["gantry"] == changed["gantry"]


def test_a_client_of_awx_that_puts_a_whole_object_back_undoes_no_rule(
    api: Api, organization: dict[str, Any]
) -> None:
    api.patch(organization["url"], {"gantry": {"allowed_registries": ["quay.io"]}})

    put = api.put(organization["url"], {**organization, "name": "Armada"})

    assert put["name"] == "Armada"
    assert put["gantry"]["allowed_registries"] == ["quay.io"]


@pytest.mark.parametrize(
    ("rule", "value", "words"),
    [
        ("signature_keys", "my key", "no PEM"),
        ("signature_keys", 7, "Not a valid string"),
        ("allowed_registries", ["https://quay.io"], "no registry"),
        ("allowed_registries", "quay.io", "Expected a list"),
        ("ca_bundle", "-----BEGIN CERTIFICATE-----", "no PEM"),
        ("preflight", "sometimes", "not a valid choice"),
    ],
)
def test_a_rule_that_cannot_be_kept_is_refused_by_its_field(
    api: Api, organization: dict[str, Any], rule: str, value: Any, words: str
) -> None:
    refused = api.patch(organization["url"], {"gantry": {rule: value}}, 400)

    assert list(refused) == [rule]
    assert words in refused[rule][0]
    assert api.get(organization["url"])["gantry"] == organization["gantry"]


def test_rules_are_an_object(api: Api, organization: dict[str, Any]) -> None:
    assert api.patch(organization["url"], {"gantry": ["quay.io"]}, 400) == {
        "gantry": ["Expected an object."]
    }


def test_members_read_the_rules_and_administrators_make_them(
    api: Api, member: Api, org_admin: Api
) -> None:
    url = api.get(f"{ORGANIZATIONS}?name=Default")["results"][0]["url"]
    rule = {"gantry": {"allowed_registries": ["quay.io"]}}

    member.patch(url, rule, 403)
    org_admin.patch(url, rule)

    assert member.get(url)["gantry"]["allowed_registries"] == ["quay.io"]
