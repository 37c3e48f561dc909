"""Comparing two digests, and the SBOM to download."""

from __future__ import annotations

import json

from gantry.resources.environments import ExecutionEnvironment
from gantry.resources.organizations import Organization
from tests.web import ee_story, story
from tests.web.conftest import logged_in
from tests.web.ee_story import NEW, OLD
from tests.web.test_environments import words
from tests.web.test_pages import INLINE

ADDRESS = f"/environments/diff/?left={OLD}&right={NEW}"


def both() -> ExecutionEnvironment:
    row = ee_story.drifted()
    ee_story.inspected(OLD, packages=ee_story.packages(5, requests="2.31.0"))
    ee_story.inspected(NEW, ansible_core="2.20.0", packages=ee_story.packages(6, rich="14.0.0"))
    return row


def test_the_page_tells_what_was_added_removed_and_changed(admin):
    both()

    answer = admin.get(ADDRESS)
    assert INLINE.search(answer.content.decode()) is None
    shown = words(admin, ADDRESS)

    assert "2 Python packages, 1 deb package differ." in shown
    assert "ansible-core 2.19.4 2.20.0" in shown
    assert "rich added 14.0.0" in shown
    assert "requests removed 2.31.0" in shown
    assert "lib0005 added" in shown
    assert "boto3" not in shown


def test_drift_says_how_many_packages_differ_and_leads_there(admin):
    row = both()

    page = admin.get(f"/environments/{row.pk}/").content.decode()

    assert "2 Python packages, 1 deb package differ." in page
    assert f"/environments/diff/?left={OLD}".replace(":", "%3A") in page


def test_a_digest_that_was_not_looked_into_says_so(admin):
    ee_story.drifted()
    ee_story.inspected(OLD)

    shown = words(admin, ADDRESS)

    assert "sha256:6e6577222222 has not been looked into yet" in shown


def test_the_same_contents_are_no_difference(admin):
    ee_story.drifted()
    ee_story.inspected(OLD)
    ee_story.inspected(NEW)

    assert "No difference" in words(admin, ADDRESS)


def test_digests_of_environments_that_a_person_cannot_see_are_not_compared(db):
    row = both()
    ExecutionEnvironment.objects.filter(pk=row.pk).update(
        organization=Organization.objects.create(name="Other")
    )
    story.member("mia")
    client = logged_in("mia")

    assert client.get(ADDRESS).status_code == 404
    assert "306c64111111" not in words(client, "/environments/diff/")
    assert client.get(f"/environments/{row.pk}/contents/sbom/?digest={OLD}").status_code == 404


def test_the_sbom_is_a_file_of_cyclonedx(admin):
    row = both()

    answer = admin.get(f"/environments/{row.pk}/contents/sbom/?digest={OLD}")

    assert answer["Content-Type"].startswith("application/vnd.cyclonedx+json")
    assert answer["Content-Disposition"].startswith("attachment")
    names = {c["name"] for c in json.loads(answer.content)["components"]}
    assert {"requests", "boto3", "lib0004"} <= names
    unknown = "sha256:" + "9" * 64
    assert admin.get(f"/environments/{row.pk}/contents/sbom/?digest={unknown}").status_code == 404
