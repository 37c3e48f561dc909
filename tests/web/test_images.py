"""The page of the engine's images, on a real podman: what is kept and why, and what is removed."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.utils import timezone

from gantry.base.engine_probe import probe_engine
from gantry.images.podman_cli import Podman
from gantry.resources.jobs import UnifiedJob
from gantry.resources.organizations import User
from tests.journeys.conftest import engine_url
from tests.web import ee_story, story
from tests.web.conftest import logged_in
from tests.web.test_environments import words
from tests.web.test_pages import INLINE

__all__ = ["engine_url"]
ADDRESS = "/environments/images/"


@pytest.fixture(autouse=True)
def found_engine(engine_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", engine_url)


@pytest.fixture
def podman(tmp_path: Path) -> Podman:
    return Podman.of(probe_engine(), tmp_path)


@pytest.fixture
def unused(db: str, tmp_path: Path, podman: Podman) -> Iterator[str]:
    """The name of an image that a job ran 90 days ago and nothing has wanted since."""
    with tarfile.open(tmp_path / "layer.tar", "w") as layer:
        content = uuid4().hex.encode()
        member = tarfile.TarInfo("cargo")
        member.size = len(content)
        layer.addfile(member, io.BytesIO(content))
    name = f"localhost/gantry-test/page:{uuid4().hex[:8]}"
    podman.run("import", str(tmp_path / "layer.tar"), name)
    identity = podman.image_id(name)
    UnifiedJob.objects.create(
        kind="job", name="Old", status="successful", ee_digest=f"sha256:{identity[-64:]}",
        ee_image=name, finished=timezone.now() - timedelta(days=90),
    )  # fmt: skip
    yield name
    podman.succeeds("image", "rm", "--force", identity)


def test_what_would_go_is_shown_before_it_goes(admin, unused, podman):
    listed = words(admin, ADDRESS)
    assert unused in listed
    assert "Remove" not in listed

    shown = admin.get(f"{ADDRESS}?days=30").content.decode()
    assert INLINE.search(shown) is None
    assert "Remove 1 image?" in shown
    assert "would go" in words(admin, f"{ADDRESS}?days=30").split(unused)[1][:120]
    assert "Nothing would go" in words(admin, f"{ADDRESS}?days=120")

    told = admin.post(f"{ADDRESS}remove/", {"days": "30"}, follow=True).content.decode()
    assert "1 image removed" in told
    assert not podman.succeeds("image", "exists", unused)


def test_an_image_that_an_environment_needs_says_so_and_stays(admin, unused, podman):
    ee_story.environment("Kept EE", image=unused)

    assert "Kept EE" in words(admin, f"{ADDRESS}?days=30").split(unused)[1][:120]
    admin.post(f"{ADDRESS}remove/", {"days": "30"})
    assert podman.succeeds("image", "exists", unused)


@pytest.mark.parametrize("days", ["", "0", "-1", "soon"])
def test_without_a_number_of_days_nothing_is_removed(admin, unused, podman, days):
    told = admin.post(f"{ADDRESS}remove/", {"days": days}, follow=True).content.decode()

    assert "Give a whole number" in told
    assert podman.succeeds("image", "exists", unused)


def test_only_superusers_remove_and_only_they_and_auditors_look(db):
    story.member("ada", admin=True)
    story.member("otto")
    User.objects.filter(username="otto").update(is_system_auditor=True)

    assert logged_in("ada").get(ADDRESS).status_code == 403
    assert logged_in("otto").get(ADDRESS).status_code == 200
    for name in ("ada", "otto"):
        assert logged_in(name).post(f"{ADDRESS}remove/", {"days": "30"}).status_code == 403


def test_an_engine_that_does_not_answer_is_told_in_words(admin, monkeypatch, tmp_path):
    from gantry.base.config import settings

    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("GANTRY_ENGINE_URL", f"unix://{tmp_path}/none.sock")
        settings.cache_clear()
        answer = admin.get(ADDRESS)
    settings.cache_clear()

    assert answer.status_code == 503
    assert 'role="alert"' in answer.content.decode()


def test_the_platforms_of_an_image_are_asked_for(admin, unused, podman):
    podman.run("tag", unused, "localhost/gantry-test/page:platforms")
    row = ee_story.environment(image="localhost/gantry-test/page:platforms")

    shown = words(admin, f"/environments/{row.pk}/platforms/")

    assert "linux/" in shown
    assert "None of these" not in shown


def test_platforms_that_nobody_can_tell_say_why(admin, db):
    row = ee_story.environment(image="localhost/gantry-test/never-built:1")

    assert "has no image" in words(admin, f"/environments/{row.pk}/platforms/")


def test_what_the_tag_means_now_is_asked_for_and_pinned(admin, unused, podman):
    row = ee_story.environment(image=unused)

    told = admin.post(f"/environments/{row.pk}/pin/", {"now": "yes"}, follow=True)

    row.refresh_from_db()
    assert row.pinned_digest.startswith("sha256:")
    assert row.pinned_digest == row.registry_digest
    assert "whatever its tag means" in told.content.decode()

    admin.post(f"/environments/{row.pk}/unpin/")
    admin.post(f"/environments/{row.pk}/check/")
    row.refresh_from_db()
    assert row.registry_error == ""


def test_a_tag_that_nobody_knows_is_not_pinned_and_the_check_says_why(admin, db):
    row = ee_story.environment(image="localhost/gantry-test/never-built:1")

    told = admin.post(f"/environments/{row.pk}/pin/", {"now": "yes"}, follow=True)
    assert "has no image" in told.content.decode()
    admin.post(f"/environments/{row.pk}/check/")

    row.refresh_from_db()
    assert row.pinned_digest == ""
    assert "has no image" in row.registry_error
    assert "Not reached" in words(admin, f"/environments/{row.pk}/")
