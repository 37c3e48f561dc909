"""Organizations, teams, users, their roles ("who may do what here, and why"), tokens."""

from __future__ import annotations

import re

import pytest

from gantry.resources.access import holds, may
from gantry.resources.organizations import Organization, Team, User
from gantry.resources.roles import role_on
from gantry.resources.tokens import OAuth2AccessToken, OAuth2Application, valid_token
from tests.web import story
from tests.web.conftest import logged_in


@pytest.fixture
def project(db):
    return story.template().project


def test_a_person_is_made_in_an_organization_by_its_administrator(db):
    story.member("ada", admin=True)
    client = logged_in("ada")
    ours = story.organization()

    form = client.get("/users/add/").content.decode()
    assert 'name="is_superuser"' not in form
    values = {"username": "ben", "password": "correct horse", "organization": ours.pk}
    answer = client.post("/users/add/", values)

    ben = User.objects.get(username="ben")
    assert answer["Location"] == f"/users/{ben.pk}/"
    assert ben.check_password("correct horse")
    assert holds(ben, "member_role", ours)
    # By hand what the form does not offer.
    client.post("/users/add/", {**values, "username": "eve", "is_superuser": "on"})
    assert not User.objects.get(username="eve").is_superuser


def test_a_refused_person_keeps_what_was_typed_beside_the_error(admin):
    answer = admin.post("/users/add/", {"username": "admin", "password": "x" * 12, "email": "nope"})
    assert answer.status_code == 422
    assert "Enter a valid email address" in answer.content.decode()
    answer = admin.post("/users/add/", {"username": "admin", "password": "x" * 12})

    shown = answer.content.decode()
    assert answer.status_code == 422
    assert "already exists" in shown
    assert 'value="admin"' in shown
    assert "x" * 12 not in shown


def test_an_empty_password_leaves_the_old_one_and_a_new_one_keeps_the_login(admin):
    me = User.objects.get(username="admin")
    values = {"username": "admin", "email": "admin@example.com", "is_superuser": "on"}

    admin.post(f"/users/{me.pk}/edit/", {**values, "password": ""})
    me.refresh_from_db()
    assert me.check_password("correct horse")
    assert me.email == "admin@example.com"

    admin.post(f"/users/{me.pk}/edit/", {**values, "password": "battery staple"})
    me.refresh_from_db()
    assert me.check_password("battery staple")
    assert admin.get("/users/").status_code == 200


def test_the_last_administrator_stays_one_and_nobody_deletes_themselves(admin):
    me = User.objects.get(username="admin")

    answer = admin.post(f"/users/{me.pk}/edit/", {"username": "admin"})
    assert answer.status_code == 403
    admin.post("/bulk/users/", {"id": me.pk, "do": "delete", "sure": "yes"})

    assert User.objects.get(pk=me.pk).is_superuser


def test_a_team_is_made_and_people_go_in_and_out(admin):
    ours = story.organization()
    story.member("mia")
    answer = admin.post("/teams/add/", {"name": "Operators", "organization": ours.pk})
    team = Team.objects.get(name="Operators")
    assert answer["Location"] == f"/teams/{team.pk}/"

    admin.post(f"/teams/{team.pk}/member/", {"user": "mia"})
    assert team.users.filter(username="mia").exists()
    assert (
        "nobody called nora"
        in admin.post(f"/teams/{team.pk}/member/", {"user": "nora"}, follow=True).content.decode()
    )
    admin.post(f"/teams/{team.pk}/member/", {"user": "mia", "out": "yes"})
    assert not team.users.exists()


def test_people_of_an_organization_and_its_administrators(admin):
    ours = story.organization()
    User.objects.create_user("nora")

    admin.post(f"/organizations/{ours.pk}/member/", {"user": "nora", "admins": "yes"})
    assert ours.admins.filter(username="nora").exists()
    assert "nora" in admin.get(f"/organizations/{ours.pk}/").content.decode()
    admin.post(f"/organizations/{ours.pk}/member/", {"user": "nora", "admins": "yes", "out": "1"})
    assert not ours.admins.filter(username="nora").exists()


def test_an_organization_is_made_and_a_bad_bundle_told_beside_its_field(admin):
    values = {"name": "Platform", "description": "", "max_hosts": 5, "ca_bundle": "no PEM"}
    refused = admin.post("/organizations/add/", values)
    assert refused.status_code == 422
    assert re.search(r'id="id_ca_bundle-error".*no PEM text', refused.content.decode(), re.S)

    admin.post("/organizations/add/", {**values, "ca_bundle": ""})
    assert Organization.objects.get(name="Platform").max_hosts == 5


def test_the_access_page_says_who_may_what_and_why(admin, project):
    story.member("mia")
    story.member("boss", admin=True)
    team = Team.objects.create(name="Operators", organization=story.organization())
    nora = story.member("nora")
    team.users.add(nora)

    def give(**values: object) -> str:
        answer = admin.post(f"/access/project/{project.pk}/give/", values, follow=True)
        return str(answer.content.decode())

    give(role=role_on(project, "update_role").pk, user="mia")
    shown = give(role=role_on(project, "use_role").pk, team=team.pk)

    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", shown))
    assert "mia May, and why" not in words
    assert re.search(r"mia Update given to this person", words)
    assert re.search(r"nora Use as a member of the team Operators", words)
    assert re.search(r"boss (Admin|Project Admin|.*) of the organization Default", words)
    assert re.search(r"admin System Administrator of the whole system", words)

    admin.post(f"/access/project/{project.pk}/take/", {
        "role": role_on(project, "update_role").pk, "from": "user",
        "holder": User.objects.get(username="mia").pk})  # fmt: skip
    admin.post(f"/access/project/{project.pk}/take/", {
        "role": role_on(project, "use_role").pk, "from": "team", "holder": team.pk})  # fmt: skip
    assert not may(User.objects.get(username="mia"), "update", project)
    assert not may(nora, "use", project)


def test_without_the_right_nobody_gives_and_the_form_is_absent(db, project):
    mia = story.member("mia")
    role_on(project, "read_role").members.add(mia)
    client = logged_in("mia")

    assert "Give a role" not in client.get(f"/access/project/{project.pk}/").content.decode()
    values = {"role": role_on(project, "admin_role").pk, "user": "mia"}
    assert client.post(f"/access/project/{project.pk}/give/", values).status_code == 403
    assert not may(mia, "change", project)
    assert client.get(f"/access/inventory/{story.template('x').inventory_id}/").status_code == 404
    assert client.get("/access/nothing/1/").status_code == 404


def test_a_token_is_shown_once_lets_its_holder_in_and_is_revoked(admin):
    shown = admin.post("/tokens/", {"description": "CI", "scope": "read"})
    value = re.search(r'id="new-token">([^<]+)<', shown.content.decode())
    assert value is not None
    assert "no-store" in shown["Cache-Control"]
    row = valid_token(value[1])
    assert row is not None
    assert (row.user.username, row.scope, row.description) == ("admin", "read", "CI")

    again = admin.get("/tokens/").content.decode()
    assert value[1] not in again
    assert "CI" in again
    admin.post(f"/tokens/{row.pk}/revoke/")
    assert valid_token(value[1]) is None


def test_tokens_of_others_are_not_there(db):
    from gantry.resources.tokens import issue

    row, _token, _refresh = issue(User.objects.get(username="admin"), "write")
    story.member("mia")
    client = logged_in("mia")

    assert client.post(f"/tokens/{row.pk}/revoke/").status_code == 404
    assert OAuth2AccessToken.objects.filter(pk=row.pk).exists()


def test_an_applications_secret_is_shown_once(admin):
    values = {
        "name": "Dashboard", "organization": story.organization().pk,
        "client_type": "confidential", "authorization_grant_type": "authorization-code",
        "redirect_uris": "",
    }  # fmt: skip
    refused = admin.post("/applications/add/", values)
    assert refused.status_code == 422
    assert "redirect_uris cannot be empty" in refused.content.decode()

    shown = admin.post("/applications/add/", {**values, "redirect_uris": "https://x.example/cb"})
    secret = re.search(r'id="new-secret">([^<]+)<', shown.content.decode())
    row = OAuth2Application.objects.get()
    assert secret is not None
    assert secret[1] not in admin.get(f"/applications/{row.pk}/").content.decode()
    changed = {**values, "name": "Wall", "redirect_uris": "https://x.example/cb"}
    admin.post(f"/applications/{row.pk}/edit/", changed)
    row.refresh_from_db()
    assert row.name == "Wall"
