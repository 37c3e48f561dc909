"""Logging in by LDAP, against OpenLDAP's own server: AWX's settings, searches, groups, maps."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from django.test import Client

from gantry.base.config import settings
from gantry.resources.organizations import Organization, Team, User
from tests.path.notifiers.certificate import certificate_file
from tests.web.slapd import ADMIN, PASSWORD, SUFFIX, Slapd

PEOPLE = json.dumps([f"ou=people,{SUFFIX}", "SCOPE_SUBTREE", "(uid=%(user)s)"])
GROUPS = json.dumps([f"ou=groups,{SUFFIX}", "SCOPE_SUBTREE", "(objectClass=groupOfNames)"])
OPERATORS = f"cn=operators,ou=groups,{SUFFIX}"
Set = Callable[..., None]


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    home: Path = tmp_path_factory.mktemp("slapd")
    running = Slapd(home, str(certificate_file(home / "made.pem")))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def told(db: str, slapd: Slapd, monkeypatch: pytest.MonkeyPatch) -> Iterator[Set]:
    """Settings of this test; without more, the directory with its people and groups."""

    def say(**more: str) -> None:
        for name, value in more.items():
            monkeypatch.setenv(f"AUTH_LDAP_{name}", value)
        settings.cache_clear()

    say(SERVER_URI=slapd.uri, BIND_DN=ADMIN, BIND_PASSWORD=PASSWORD, USER_SEARCH=PEOPLE,
        GROUP_SEARCH=GROUPS)  # fmt: skip
    yield say
    monkeypatch.undo()
    settings.cache_clear()


def log_in(name: str, password: str) -> int:
    return Client().post("/login/", {"username": name, "password": password}).status_code


def test_somebody_of_the_directory_is_made_at_the_first_login(told):
    assert log_in("ada", "engine 1843") == 302

    ada = User.objects.get(username="ada")
    assert (ada.first_name, ada.last_name, ada.email) == ("Ada", "Lovelace", "ada@example.com")
    assert ada.directory_dn == f"uid=ada,ou=people,{SUFFIX}"
    assert not ada.has_usable_password()
    shown = Client()
    shown.force_login(User.objects.get(username="admin"))
    told_by_api = shown.get(f"/api/v2/users/{ada.pk}/").json()
    assert (told_by_api["ldap_dn"], told_by_api["external_account"]) == (ada.directory_dn, "ldap")


@pytest.mark.parametrize(
    ("name", "password"),
    [("ada", "wrong"), ("ada", ""), ("nobody", "engine 1843"), ("*", "engine 1843"),
     ("a*", "engine 1843"), ("ada)(uid=*", "engine 1843"), ("ada\0", "engine 1843")],
)  # fmt: skip
def test_nobody_comes_in_without_name_and_password(told, name, password):
    assert log_in(name, password) == 422
    assert not User.objects.filter(directory_dn__gt="").exists()


def test_whoever_has_a_password_of_ours_is_not_taken_over(told):
    assert log_in("admin", "stolen") == 422
    assert log_in("admin", "correct horse") == 302


def test_the_api_and_basic_authentication_know_the_directory_too(told):
    import base64

    value = base64.b64encode(b"ada:engine 1843").decode()
    answer = Client().get("/api/v2/me/", headers={"Authorization": f"Basic {value}"})

    assert answer.json()["results"][0]["username"] == "ada"


def test_a_template_finds_people_without_a_search(told):
    told(USER_SEARCH="", USER_DN_TEMPLATE=f"uid=%(user)s,ou=people,{SUFFIX}")

    assert log_in("ada", "engine 1843") == 302
    assert log_in("ada,ou=people", "engine 1843") == 422


def test_groups_let_in_keep_out_and_give_flags(told):
    told(REQUIRE_GROUP=OPERATORS)
    assert log_in("ada", "engine 1843") == 302
    assert log_in("ben", "kite") == 422

    told(REQUIRE_GROUP="", DENY_GROUP=f"cn=left,ou=groups,{SUFFIX}")
    assert log_in("ben", "kite") == 422

    told(USER_FLAGS_BY_GROUP=json.dumps({"is_superuser": [OPERATORS.upper()]}))
    log_in("ada", "engine 1843")
    assert User.objects.get(username="ada").is_superuser
    told(USER_FLAGS_BY_GROUP=json.dumps({"is_superuser": f"cn=left,ou=groups,{SUFFIX}"}))
    log_in("ada", "engine 1843")
    assert not User.objects.get(username="ada").is_superuser


def test_groups_in_groups_and_in_circles_count_where_the_type_says_so(told):
    around = f"cn=engineers,ou=groups,{SUFFIX}"
    told(REQUIRE_GROUP=around)
    assert log_in("ada", "engine 1843") == 422

    told(GROUP_TYPE="NestedMemberDNGroupType")
    assert log_in("ada", "engine 1843") == 302


def test_posix_groups_count_by_number(told):
    shell = f"cn=shell,ou=groups,{SUFFIX}"
    search = json.dumps([f"ou=groups,{SUFFIX}", "SCOPE_SUBTREE", "(objectClass=posixGroup)"])
    told(GROUP_SEARCH=search, GROUP_TYPE="PosixGroupType", REQUIRE_GROUP=shell)

    assert log_in("ada", "engine 1843") == 302
    assert log_in("ben", "kite") == 422


def test_the_maps_make_organizations_and_teams_and_keep_them_true(told):
    told(
        ORGANIZATION_MAP=json.dumps({
            "Platform": {"admins": OPERATORS, "users": True},
            "Elsewhere": {"users": f"cn=left,ou=groups,{SUFFIX}", "remove": False},
        }),
        TEAM_MAP=json.dumps({"Operators": {"organization": "Platform", "users": [OPERATORS]}}),
    )  # fmt: skip
    log_in("ada", "engine 1843")

    platform, elsewhere = (Organization.objects.get(name=n) for n in ("Platform", "Elsewhere"))
    team = Team.objects.get(name="Operators", organization=platform)
    ada = User.objects.get(username="ada")
    assert ada in platform.admins.all()
    assert ada in platform.users.all()
    assert ada in team.users.all()
    assert ada not in elsewhere.users.all()

    elsewhere.users.add(ada)
    told(
        ORGANIZATION_MAP=json.dumps({
            "Platform": {"admins": False}, "Elsewhere": {"users": False, "remove": False},
        }),
        TEAM_MAP=json.dumps({"Operators": {"organization": "Platform", "users": False}}),
    )  # fmt: skip
    log_in("ada", "engine 1843")
    assert ada not in platform.admins.all()
    assert ada in platform.users.all()  # of whom the map no longer speaks
    assert ada in elsewhere.users.all()
    assert ada not in team.users.all()


@pytest.mark.parametrize("way", ["ldaps", "start_tls"])
def test_with_tls_the_certificate_is_checked(told, slapd, way):
    if way == "ldaps":
        told(SERVER_URI=slapd.tls_uri)
    else:
        told(START_TLS="yes")
    assert log_in("ada", "engine 1843") == 503

    told(CA_FILE=str(slapd.certificate))
    assert x509.load_pem_x509_certificate(slapd.certificate.read_bytes())
    assert log_in("ada", "engine 1843") == 302


def test_a_directory_that_is_away_is_told_and_ours_still_come_in(told):
    told(SERVER_URI="ldap://localhost:1")

    answer = Client().post("/login/", {"username": "ada", "password": "engine 1843"})
    assert answer.status_code == 503
    assert "directory does not answer" in answer.content.decode()
    assert log_in("admin", "correct horse") == 302


def test_whoever_is_shut_out_here_stays_out(told):
    log_in("ada", "engine 1843")
    User.objects.filter(username="ada").update(is_active=False)

    assert log_in("ada", "engine 1843") == 422
