"""What is in an EE's digests, through the API: contents, bill of materials, differences."""

from __future__ import annotations

from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.api.conftest import Api

V2 = "/api/v2/execution_environments"
OLD, NEW, NEVER = ("sha256:" + c * 64 for c in "abc")


def inspected(digest: str, **fields: Any) -> Any:
    from django.utils import timezone

    from gantry.resources.images import ImageContents

    given = {
        "reference": "quay.io/org/ee:1", "platform": "linux/amd64", "state": "inspected",
        "inspected": timezone.now(), "python": "3.11.2", "ansible_core": "2.19.1",
        "packages": [
            {"kind": "collection", "name": "amazon.aws", "version": "10.0.0"},
            {"kind": "python", "name": "boto3", "version": "1.40.1", "licence": "Apache-2.0"},
            {"kind": "python", "name": "PyYAML", "version": "6.0.2"},
            {"kind": "deb", "name": "libc6", "version": "2.36", "arch": "amd64"},
        ],
        "unknown": ["Something was not found."],
    }  # fmt: skip
    return ImageContents.objects.create(digest=digest, **(given | fields))


@pytest.fixture
def ee(db: str) -> Any:
    """One of organization Default that ran OLD first and NEW last."""
    from gantry.resources.models import EnvironmentDigest, ExecutionEnvironment, Organization

    row = ExecutionEnvironment.objects.create(
        name="ee", image="quay.io/org/ee:1", last_digest=NEW,
        organization=Organization.objects.get(name="Default"),
    )  # fmt: skip
    for digest in (OLD, NEW):
        EnvironmentDigest.objects.create(
            environment=row,
            digest=digest,
            reference=row.image,
            platform="linux/amd64",
            origin="ran",
        )
    return row


def test_the_contents_of_what_runs(api: Api, ee: Any) -> None:
    inspected(NEW)
    body = api.get(f"{V2}/{ee.pk}/contents/")

    assert (body["digest"], body["state"]) == (NEW, "inspected")
    assert (body["ansible_core"], body["python"]) == ("2.19.1", "3.11.2")
    assert body["counts"] == {"collection": 1, "python": 2, "deb": 1, "rpm": 0}
    assert len(body["packages"]) == 4
    assert body["unknown"] == ["Something was not found."]
    assert "lease_owner" not in body


def test_kind_and_search_narrow_the_packages_and_not_the_counts(api: Api, ee: Any) -> None:
    inspected(NEW)
    url = f"{V2}/{ee.pk}/contents/"

    def names(query: str) -> list[str]:
        body = api.get(f"{url}?{query}")
        assert sum(body["counts"].values()) == 4
        return [p["name"] for p in body["packages"]]

    assert names("search=YAML") == ["PyYAML"]
    assert names("kind=python") == ["boto3", "PyYAML"]
    assert names("kind=deb&search=boto") == []
    assert "collection, python, deb, rpm" in api.get(f"{url}?kind=apk", 400)["kind"][0]


def test_a_digest_of_its_history_can_be_asked_for_and_no_other(api: Api, ee: Any) -> None:
    inspected(OLD, python="3.9.1")
    inspected(NEVER)
    url = f"{V2}/{ee.pk}/contents/"

    assert api.get(f"{url}?digest={OLD}")["python"] == "3.9.1"
    assert "never meant" in api.get(f"{url}?digest={NEVER}", 404)["detail"]
    api.post(url, {"digest": NEVER}, 404)


def test_what_nobody_asked_for_is_unknown_until_somebody_does(api: Api, ee: Any) -> None:
    from gantry.resources.images import ImageContents

    url = f"{V2}/{ee.pk}/contents/"
    body = api.get(url)
    assert (body["state"], body["packages"]) == ("unknown", [])

    assert api.post(url, {}, 202)["state"] == "pending"
    row = ImageContents.objects.get()
    assert (row.digest, row.platform) == (NEW, "linux/amd64")
    assert row.reference == f"quay.io/org/ee@{NEW}"
    assert api.get(url)["state"] == "pending"


def test_what_is_known_is_looked_into_again_only_when_that_is_asked(api: Api, ee: Any) -> None:
    row, url = inspected(NEW), f"{V2}/{ee.pk}/contents/"

    assert api.post(url, {}, 202)["state"] == "inspected"
    assert api.post(url, {"again": True}, 202)["state"] == "pending"
    row.refresh_from_db()
    row.state, row.error = "failed", "It was so."
    row.save()
    assert api.get(url)["error"] == "It was so."
    assert api.post(url, {}, 202)["state"] == "pending"


def test_an_environment_that_never_ran_says_what_to_do(api: Api) -> None:
    made = api.post(f"{V2}/", {"name": "new", "image": "a/b"})
    url = f"{V2}/{made['id']}"

    assert api.get(f"{url}/contents/")["state"] == "unknown"
    assert "Run a job in it" in str(api.post(f"{url}/contents/", {}, 400))
    assert "Run a job in it" in str(api.get(f"{url}/sbom/", 400))


def test_the_bill_of_materials_is_valid(api: Api, ee: Any) -> None:
    inspected(NEW)
    answer = api.call("get", f"{V2}/{ee.pk}/sbom/")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/vnd.cyclonedx+json")
    assert f"sbom-{ee.pk}-{NEW[7:19]}.cdx.json" in answer.headers["content-disposition"]
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(answer.content.decode()) is None
    assert "not known yet" in str(api.get(f"{V2}/{ee.pk}/sbom/?digest={OLD}", 400))
    api.post(f"{V2}/{ee.pk}/contents/", {"digest": OLD}, 202)
    assert "is being looked into. Ask again" in str(
        api.get(f"{V2}/{ee.pk}/sbom/?digest={OLD}", 400)
    )


def test_the_difference_of_two_digests(api: Api, ee: Any) -> None:
    inspected(OLD, python="3.9.1", packages=[
        {"kind": "python", "name": "boto3", "version": "1.39.0"},
        {"kind": "python", "name": "pyyaml", "version": "6.0.2"},
        {"kind": "deb", "name": "tar", "version": "1"},
    ])  # fmt: skip
    inspected(NEW)
    url = f"{V2}/{ee.pk}/diff/"
    body = api.get(f"{url}?from={OLD}")

    assert (body["from"]["digest"], body["to"]["digest"]) == (OLD, NEW)
    assert body["facts"] == [{"name": "python", "old": "3.9.1", "new": "3.11.2"}]
    assert list(body["kinds"]) == ["collection", "python", "deb"]
    assert body["kinds"]["python"] == {
        "added": [], "removed": [],
        "changed": [{"name": "boto3", "old": "1.39.0", "new": "1.40.1"}],
    }  # fmt: skip
    assert api.get(f"{url}?from={OLD}&to={OLD}")["kinds"] == {}
    assert "?from= and ?to=" in str(api.get(url, 400))
    api.get(f"{url}?from={NEVER}", 404)


def test_the_difference_to_another_environment_needs_to_see_both(
    api: Api, org_admin: Api, other_admin: Api, ee: Any
) -> None:
    from gantry.resources.models import ExecutionEnvironment, Organization

    other = ExecutionEnvironment.objects.create(
        name="other", image="a/c", last_digest=OLD,
        organization=Organization.objects.get(name="Other"),
    )  # fmt: skip
    inspected(OLD)
    inspected(NEW)
    url = f"{V2}/{ee.pk}/diff/?with={other.pk}"

    body = api.get(url)
    assert (body["from"]["name"], body["to"]["name"], body["kinds"]) == ("ee", "other", {})
    org_admin.get(url, 403)
    other_admin.get(url, 403)
    api.get(f"{V2}/{ee.pk}/diff/?with=999", 404)
    api.get(f"{V2}/{ee.pk}/diff/?with=x", 404)


def test_who_may_see_the_environment_may_see_what_is_in_it(
    ee: Any, org_admin: Api, member: Api, plain: Api, anonymous: Api
) -> None:
    inspected(NEW)
    for part in ("contents/", "sbom/", f"diff/?from={NEW}"):
        for person, status in ((org_admin, 200), (member, 200), (plain, 403), (anonymous, 401)):
            assert person.call("get", f"{V2}/{ee.pk}/{part}").status_code == status
    for person, status in ((org_admin, 202), (member, 403), (plain, 403), (anonymous, 401)):
        assert person.call("post", f"{V2}/{ee.pk}/contents/", {}).status_code == status
