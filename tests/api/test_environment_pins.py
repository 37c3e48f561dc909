"""Pin, unpin, accept, check and history of an EE through the API, and what its jobs keep of it."""

from __future__ import annotations

from typing import Any

import pytest

from gantry.images.tag_notes import note_tag
from gantry.resources.digests import saw_digest
from gantry.resources.models import ExecutionEnvironment, Job, Organization
from tests.api.conftest import Api
from tests.api.world import type_id
from tests.images.docker_registry import Shelf
from tests.journeys.registry import Registry

V2 = "/api/v2"
A, B = (f"sha256:{letter * 64}" for letter in "ab")
IMAGE = "reg.example.org/ee:1"


@pytest.fixture
def ee(api: Api) -> dict[str, Any]:
    default = Organization.objects.get(name="Default").pk
    body = {"name": "ee", "image": IMAGE, "organization": default}
    made: dict[str, Any] = api.post(f"{V2}/execution_environments/", body)
    return made


def job(ee: dict[str, Any], digest: str, **fields: Any) -> Job:
    default = Organization.objects.get(name="Default")
    values = {"kind": "job", "name": "j", "status": "successful", "ee_image": IMAGE,
              "ee_name": "ee", "ee_platform": "linux/amd64", "organization": default}  # fmt: skip
    return Job.objects.create(
        **(values | fields), execution_environment_id=ee["id"], ee_digest=digest
    )


def test_a_pin_by_digest_is_shown_and_taken_back(api: Api, ee: dict[str, Any]) -> None:
    answer = api.post(f"{ee['url']}pin/", {"digest": A}, 200)
    assert (answer["pinned_digest"], answer["drift"]["state"]) == (A, "pinned")
    shown = api.get(ee["url"])["gantry"]
    assert (shown["pinned_digest"], shown["wanted_digest"]) == (A, A)
    assert shown["drift"] == answer["drift"] == api.get(f"{ee['url']}pin/")["drift"]

    answer = api.post(f"{ee['url']}unpin/", {}, 200)
    assert (answer["pinned_digest"], answer["drift"]["state"]) == ("", "unknown")


@pytest.mark.parametrize("digest", ["latest", 7, [A]])
def test_what_is_no_digest_is_refused(api: Api, ee: dict[str, Any], digest: Any) -> None:
    assert list(api.post(f"{ee['url']}pin/", {"digest": digest}, 400)) == ["digest"]


def test_a_registry_is_asked_what_the_tag_means_now(
    api: Api, ee: dict[str, Any], registry: Registry
) -> None:
    digest = Shelf(registry, "team/ee").variant("linux", "amd64", tag="1")
    login = api.post(
        f"{V2}/credentials/",
        {"name": "r", "organization": ee["organization"], "credential_type": type_id("registry"),
         "inputs": {"host": registry.address, "verify_ssl": False}},
    )["id"]  # fmt: skip
    api.patch(ee["url"], {"image": registry.image("team/ee:1"), "credential": login})

    checked = api.post(f"{ee['url']}check/", {}, 200)
    assert checked["drift"]["registry_digest"] == digest
    assert checked["drift"]["state"] == "in step"
    assert api.post(f"{ee['url']}pin/", {}, 200)["pinned_digest"] == digest

    api.patch(ee["url"], {"image": registry.image("team/none:1")})
    checked = api.post(f"{ee['url']}check/", {}, 200)
    assert "no such image" in checked["drift"]["registry_error"]
    api.post(f"{ee['url']}unpin/", {}, 200)
    assert "no such image" in api.post(f"{ee['url']}pin/", {}, 400)["detail"]


def test_policy_and_pin_are_patched_in_the_gantry_block(api: Api, ee: dict[str, Any]) -> None:
    body = {"gantry": {"drift_policy": "hold", "pinned_digest": A, "last_digest": "ignored"}}
    shown = api.patch(ee["url"], body)["gantry"]
    assert (shown["drift_policy"], shown["pinned_digest"], shown["last_digest"]) == ("hold", A, "")
    assert api.patch(ee["url"], {"gantry": {"pinned_digest": ""}})["gantry"]["pinned_digest"] == ""
    assert api.patch(ee["url"], {"pull": "always"})["gantry"]["drift_policy"] == "hold"
    for block, field in (
        ({"drift_policy": "never"}, "drift_policy"),
        ({"drift_policy": None}, "drift_policy"),
        ({"pinned_digest": "latest"}, "digest"),
        ("hold", "gantry"),
    ):
        assert list(api.patch(ee["url"], {"gantry": block}, 400)) == [field]
    made = {"name": "b", "image": IMAGE, "gantry": {"pinned_digest": B}}
    copied = api.post(f"{V2}/execution_environments/", made)
    assert copied["gantry"]["pinned_digest"] == B
    assert api.post(copied["related"]["copy"], {"name": "c"})["gantry"]["pinned_digest"] == B


def test_a_client_of_awx_that_puts_back_what_it_read_undoes_no_pin(
    api: Api, ee: dict[str, Any]
) -> None:
    read = api.get(ee["url"])
    api.post(f"{ee['url']}pin/", {"digest": A}, 200)

    answer = api.put(ee["url"], {**read, "pull": "never"})

    assert (answer["pull"], answer["gantry"]["pinned_digest"]) == ("never", A)


def test_under_hold_a_person_accepts_what_the_tag_means(api: Api, ee: dict[str, Any]) -> None:
    refused = api.post(f"{ee['url']}accept/", {}, 400)
    assert "follows its tag" in refused["drift_policy"][0]
    row = ExecutionEnvironment.objects.get(pk=ee["id"])
    row.drift_policy, row.accepted_digest = "hold", A
    row.save()
    note_tag(row.pk, IMAGE, B)
    assert api.get(ee["url"])["gantry"]["drift"]["state"] == "held"

    accepted = api.post(f"{ee['url']}accept/", {}, 200)
    assert (accepted["accepted_digest"], accepted["drift"]["since"]) == (B, None)
    assert api.post(f"{ee['url']}accept/", {"digest": A}, 200)["accepted_digest"] == A
    assert api.post(f"{ee['url']}unaccept/", {}, 200)["accepted_digest"] == ""


@pytest.mark.parametrize("part", ["pin", "unpin", "accept", "unaccept", "check"])
def test_members_look_and_administrators_act(
    member: Api, org_admin: Api, other_admin: Api, anonymous: Api, ee: dict[str, Any], part: str
) -> None:
    url = f"{ee['url']}{part}/"
    member.get(url)
    member.options(url)
    for stranger in (member, other_admin):
        stranger.post(url, {"digest": A}, 403)
    other_admin.get(url, 403)
    anonymous.post(url, {}, 401)
    if part in ("pin", "unpin"):
        org_admin.post(url, {"digest": A}, 200)


def test_the_history_tells_each_digest_once_with_its_jobs(
    api: Api, member: Api, ee: dict[str, Any]
) -> None:
    jobs = [job(ee, digest) for digest in (A, A, B)]
    for each in jobs:
        saw_digest(ee["id"], each.ee_digest, "ran", platform="linux/amd64")
    ExecutionEnvironment.objects.filter(pk=ee["id"]).update(last_digest=B)

    newest, oldest = api.get(f"{ee['url']}digests/")["results"]

    assert (newest["digest"], newest["origin"], newest["current"]) == (B, "ran", True)
    assert (oldest["digest"], oldest["current"], oldest["platform"]) == (A, False, "linux/amd64")
    told = oldest["jobs"]
    assert (told["count"], told["first"], told["last"]) == (2, jobs[0].pk, jobs[1].pk)
    assert [j["id"] for j in api.get(told["url"])["results"]] == [jobs[0].pk, jobs[1].pk]
    # A member sees the EE and its digests, but not other people's jobs.
    assert [d["jobs"]["count"] for d in member.get(f"{ee['url']}digests/")["results"]] == [0, 0]
    assert api.options(f"{ee['url']}digests/")["types"] == ["environment_digest"]


def test_a_page_of_the_history_costs_a_fixed_number_of_queries(
    api: Api, ee: dict[str, Any]
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            api.get(f"{ee['url']}digests/")
        return len(seen)

    saw_digest(ee["id"], A, "registry")
    one = queries()
    for number in range(12):
        saw_digest(ee["id"], f"sha256:{number:064x}", "registry")
    assert queries() == one


def test_a_jobs_record_outlives_its_ee(api: Api, ee: dict[str, Any]) -> None:
    row = job(ee, A, ee_wanted_digest=A, ee_reason="job template j", ee_warning="It moved.")
    api.delete(ee["url"])

    shown = api.get(f"{V2}/jobs/{row.pk}/")

    assert shown["execution_environment"] is None
    kept = {
        "ee_name": "ee", "ee_image": IMAGE, "ee_wanted_digest": A, "ee_digest": A,
        "ee_platform": "linux/amd64", "ee_reason": "job template j", "ee_warning": "It moved.",
    }  # fmt: skip
    assert {name: shown["gantry"][name] for name in kept} == kept


def test_a_job_that_cannot_be_repeated_exactly_says_why(api: Api, ee: dict[str, Any]) -> None:
    row = job(ee, "")
    url = f"{V2}/jobs/{row.pk}/relaunch/"

    told = api.get(url)["gantry"]["exactly"]
    assert told["possible"] is False
    assert "never got its image" in told["why_not"]
    assert list(api.post(url, {"exactly": True}, 400)) == ["exactly"]
    assert list(api.post(url, {"exactly": "yes"}, 400)) == ["exactly"]


def test_a_job_that_is_being_repeated_is_not_deleted_under_it(api: Api, ee: dict[str, Any]) -> None:
    row = job(ee, A)
    repetition = job(ee, "", status="pending", repeats=row)

    answer = api.delete(f"{V2}/jobs/{row.pk}/", 409)
    assert [j["id"] for j in answer["active_jobs"]] == [repetition.pk]
    Job.objects.filter(pk=repetition.pk).update(status="canceled")
    api.delete(f"{V2}/jobs/{row.pk}/")
    assert api.get(f"{V2}/jobs/{repetition.pk}/")["gantry"]["repeats"] is None
