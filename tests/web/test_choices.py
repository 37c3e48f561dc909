"""Which EE a template runs in and why, the defaults chosen at each level, and rules for images."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gantry.path.resolve import resolve_environment
from gantry.resources.environments import ExecutionEnvironment
from gantry.resources.jobs import Installation
from gantry.resources.organizations import Organization
from gantry.web.environment_choice import ladder
from tests.web import ee_story, story
from tests.web.conftest import logged_in
from tests.web.test_environments import words


def test_the_rung_that_wins_is_the_one_that_jobs_get(db):
    template = story.template()
    mine = ee_story.environment("Mine")
    theirs = ee_story.environment("Theirs")
    Installation.objects.update(default_environment=theirs)

    for level in ("", "organization", "project", "template"):
        if level == "organization":
            Organization.objects.filter(pk=template.organization_id).update(
                default_environment=mine
            )
        elif level:
            owner = template.project if level == "project" else template
            name = "default_environment" if level == "project" else "execution_environment"
            setattr(owner, name, theirs if level == "project" else mine)
            owner.save()
        template.refresh_from_db()
        won = [r for r in ladder(template) if r.wins]
        answer = resolve_environment(template)
        assert [(r.environment, r.words.lower()) for r in won] == [
            (answer.environment, answer.reason.lower())
        ]


def test_without_any_environment_no_rung_wins(db):
    template = story.template()
    ExecutionEnvironment.objects.all().delete()

    assert [r for r in ladder(template) if r.wins] == []


@pytest.mark.parametrize(
    ("noun", "field"),
    [("template", "execution_environment"), ("project", "default_environment"),
     ("organization", "default_environment")],
)  # fmt: skip
def test_each_level_chooses_on_its_own_page(admin, noun, field):
    template = story.template()
    row = {"template": template, "project": template.project,
           "organization": template.organization}[noun]  # fmt: skip
    chosen = ee_story.environment("Chosen EE")
    address = f"/{noun}s/{row.pk}/"
    assert f'action="{address}environment/"' in admin.get(address).content.decode()

    admin.post(f"{address}environment/", {"environment": chosen.pk})
    row.refresh_from_db()
    assert getattr(row, field) == chosen
    assert "Chosen EE" in words(admin, address)

    admin.post(f"{address}environment/", {"environment": ""})
    row.refresh_from_db()
    assert getattr(row, field) is None


def test_the_global_default_is_the_superusers(admin):
    chosen = ee_story.environment("Chosen EE")

    admin.post("/environments/default/", {"environment": chosen.pk})

    assert Installation.objects.get().default_environment == chosen
    assert "Chosen EE global default" in words(admin, "/environments/")

    story.member("ada", admin=True)
    assert logged_in("ada").post("/environments/default/", {}).status_code == 403


def test_members_see_why_and_choose_nothing(db):
    template = story.template()
    story.member("mia")
    client = logged_in("mia")
    place = f"/organizations/{template.organization_id}/"

    shown = client.get(place).content.decode()

    assert "Global default" in shown
    assert f'action="{place}environment/"' not in shown
    assert client.post(f"{place}environment/", {}).status_code == 403
    assert client.post(f"{place}rules/", {}).status_code == 403


def test_an_environment_that_a_person_cannot_see_is_no_choice(db):
    template = story.template()
    story.member("ada", admin=True)
    hidden = ee_story.environment("Hidden", organization=Organization.objects.create(name="Other"))

    answer = logged_in("ada").post(
        f"/templates/{template.pk}/environment/", {"environment": hidden.pk}, follow=True
    )

    assert "is not to be had" in answer.content.decode()
    template.refresh_from_db()
    assert template.execution_environment is None


def test_organization_and_project_name_the_environment_of_each_template(admin):
    mine = ee_story.environment("Mine")
    template = story.template("Rotate certificates", execution_environment=mine)

    for address in (f"/organizations/{template.organization_id}/",
                    f"/projects/{template.project_id}/"):  # fmt: skip
        assert "Mine job template Rotate certificates" in words(admin, address)


def test_many_templates_cost_no_query_each_where_a_level_above_answers(admin):
    mine = ee_story.environment("Mine")
    for n in range(20):
        template = story.template(f"Template {n}", execution_environment=mine)

    with CaptureQueriesContext(connection) as asked:
        admin.get(f"/projects/{template.project_id}/")
    assert len(asked) < 25


def rules(**more: str) -> dict[str, str]:
    return {"allowed_registries": "", "signature_keys": "", "preflight": "warn", **more}


def test_rules_for_images_are_kept(admin):
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    row = story.organization()
    given = rules(
        allowed_registries="quay.io/ansible\r\nregistry.example.com:5000\r\n",
        signature_keys=pem.replace("\n", "\r\n"), preflight="error",
    )  # fmt: skip

    admin.post(f"/organizations/{row.pk}/rules/", given)

    row.refresh_from_db()
    assert row.allowed_registries == ["quay.io/ansible", "registry.example.com:5000"]
    assert (row.signature_keys, row.preflight) == (pem.strip(), "error")
    assert "registry.example.com:5000" in words(admin, f"/organizations/{row.pk}/")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"allowed_registries": "https://quay.io"}, "is no registry"),
        ({"allowed_registries": "ansible"}, "is no registry"),
        ({"signature_keys": "ssh-ed25519 AAAA"}, "no PEM text of public keys"),
        ({"signature_keys": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"},
         "Key 1 cannot be read"),
        ({"preflight": "maybe"}, "Select a valid choice"),
    ],
)  # fmt: skip
def test_rules_that_cannot_hold_are_refused(admin, given, told):
    row = story.organization()

    answer = admin.post(f"/organizations/{row.pk}/rules/", rules(**given))

    assert answer.status_code == 422
    assert told in answer.content.decode()
    row.refresh_from_db()
    assert (row.allowed_registries, row.signature_keys, row.preflight) == ([], "", "warn")
