"""Credentials on the pages: fields looked up elsewhere, tests of what looks up, own types."""

from __future__ import annotations

from typing import Any

from django.test import Client
from playwright.sync_api import Page, expect

from gantry.resources.models import Credential, CredentialType, User
from tests.web import story
from tests.web.conftest import logged_in

INPUTS = "fields:\n- {id: token, label: Token, type: string, secret: true}\nrequired: [token]\n"
INJECTORS = "env: {SHOP_TOKEN: '{{ token }}'}\n"


def credential(name: str, kind: str, **inputs: Any) -> Credential:
    row = Credential.objects.create(
        name=name, credential_type=CredentialType.objects.get(name=kind),
        organization=story.organization(),
    )  # fmt: skip
    row.set_inputs(inputs)
    row.save()
    return row


def vault() -> Credential:
    # Nothing listens there: a test says so at once.
    return credential("Vault", "HashiCorp Vault Secret Lookup", url="http://127.0.0.1:9/",
                      token="s.hunter2", api_version="v2")  # fmt: skip


def test_what_the_api_refuses_stands_beside_the_field(admin: Client) -> None:
    kind = CredentialType.objects.get(name="Machine")
    wrong = admin.post(
        f"/credentials/add/{kind.pk}/", {"name": "Key", "input-ssh_key_data": "no key"}
    )

    assert wrong.status_code == 422
    assert 'id="id_input-ssh_key_data-error"' in wrong.content.decode()
    assert 'value="Key"' in wrong.content.decode()
    admin.post(f"/credentials/add/{kind.pk}/", {"name": "Key", "input-username": "deploy"})
    row = Credential.objects.get(name="Key")
    assert (row.owner.username, row.open_stored()["username"]) == ("admin", "deploy")


def test_a_field_is_looked_up_elsewhere_and_no_more(admin: Client) -> None:
    row, source = credential("Deploy", "Machine"), vault()
    address = f"/credentials/{row.pk}/lookup/password/"

    assert "Vault" in admin.get(address).content.decode()
    wrong = admin.post(f"{address}?source={source.pk}", {"meta:secret_path": "/deploy"})
    assert wrong.status_code == 422
    assert 'value="/deploy"' in wrong.content.decode()
    admin.post(f"{address}?source={source.pk}",
               {"meta:secret_path": "/deploy", "meta:secret_key": "password"})  # fmt: skip
    kept = row.input_sources.get()
    assert (kept.source_credential, kept.metadata["secret_key"]) == (source, "password")
    shown = admin.get(f"/credentials/{row.pk}/").content.decode()
    assert "secret_path: /deploy" in shown
    assert "hunter2" not in shown
    admin.post(f"{address}remove/")
    assert not row.input_sources.exists()


def test_the_test_says_whether_the_service_answers(admin: Client) -> None:
    row = vault()
    answer = admin.post(
        f"/credentials/{row.pk}/test/", {"meta:secret_path": "/a", "meta:secret_key": "b"}
    )

    assert answer.status_code == 422
    assert "It found nothing" in answer.content.decode()
    assert "hunter2" not in answer.content.decode()
    machine = credential("Deploy", "Machine")
    assert admin.get(f"/credentials/{machine.pk}/test/").status_code == 404


def test_a_type_of_ones_own_is_made_and_used(admin: Client) -> None:
    values = {"name": "Shop", "kind": "cloud", "inputs": INPUTS, "injectors": INJECTORS}
    for more, words in (
        ({"inputs": "fields: [unclosed"}, "Cannot parse"),
        ({"injectors": "env: {ANSIBLE_X: '{{ token }}'}"}, "may affect Ansible"),
        ({"injectors": "env: {SHOP: '{{ nothing }}'}"}, "undefined field"),
    ):
        wrong = admin.post("/credential-types/add/", {**values, **more})
        assert (wrong.status_code, words in wrong.content.decode()) == (422, True), more
    admin.post("/credential-types/add/", values)
    kind = CredentialType.objects.get(name="Shop")
    admin.post(f"/credentials/add/{kind.pk}/", {"name": "Till", "input-token": "hunter2"})
    assert Credential.objects.get(name="Till").open_stored() == {"token": "hunter2"}
    shown = admin.get(f"/credential-types/{kind.pk}/").content.decode()
    assert "SHOP_TOKEN" in shown
    assert "Till" in shown
    managed = CredentialType.objects.get(name="Machine")
    assert admin.get(f"/credential-types/{managed.pk}/edit/").status_code == 403


def test_without_rights_the_buttons_are_absent_and_the_requests_refused(db: str) -> None:
    row, source = credential("Deploy", "Machine"), vault()
    User.objects.create_user("stranger", password="x")
    auditor = story.member("auditor")
    User.objects.filter(pk=auditor.pk).update(is_system_auditor=True)
    strange, reads = logged_in("stranger"), logged_in("auditor")

    assert strange.get(f"/credentials/{row.pk}/lookup/password/").status_code == 404
    assert "Look up" not in reads.get(f"/credentials/{row.pk}/").content.decode()
    assert ">Test</a>" not in reads.get(f"/credentials/{source.pk}/").content.decode()
    for address in (
        f"credentials/{row.pk}/lookup/password", f"credentials/{row.pk}/lookup/password/remove",
        f"credentials/{source.pk}/test", "credential-types/add",
    ):  # fmt: skip
        assert reads.post(f"/{address}/").status_code == 403, address


def test_in_a_browser_a_type_is_made_and_a_lookup_chosen(page: Page, admin: Any) -> None:
    row = credential("Deploy", "Machine")
    vault()
    page.goto("/credential-types/")
    page.get_by_role("link", name="New type").click()
    page.get_by_label("Name").fill("Shop")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Shop")).to_be_visible()
    page.goto(f"/credentials/{row.pk}/")
    page.get_by_role("link", name="Look up Password").click()
    page.get_by_role("link", name="Vault").click()
    page.get_by_label("Path to Secret").fill("/deploy")
    page.get_by_label("Key Name").fill("password")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("secret_path: /deploy")).to_be_visible()
