"""What persons decide about an EE's digest, and who may."""

from __future__ import annotations

from typing import Any

import pytest

from gantry.base.errors import Forbidden, InvalidInput
from gantry.images import pins
from gantry.images.drift import decide
from gantry.images.tag_notes import note_got, note_ran, note_tag, note_tag_error
from gantry.resources.models import ExecutionEnvironment, Job, Organization, User

A, B = (f"sha256:{letter * 64}" for letter in "ab")
IMAGE = "reg.example.org/ee:1"


@pytest.fixture
def ee(db: str) -> ExecutionEnvironment:
    organization = Organization.objects.create(name="Acme")
    return ExecutionEnvironment.objects.create(name="EE", image=IMAGE, organization=organization)


@pytest.fixture
def boss(ee: Any) -> User:
    user = User.objects.create(username="boss")
    ee.organization.admins.add(user)
    return user


def fresh(ee: Any) -> ExecutionEnvironment:
    return ExecutionEnvironment.objects.get(pk=ee.pk)


def ran(ee: Any, digest: str, **fields: Any) -> Job:
    """What the walk tells of a job that got this digest and began."""
    job = Job.objects.create(
        kind="job", name="j", execution_environment=ee, ee_image=fresh(ee).image,
        ee_digest=digest, **fields,
    )  # fmt: skip
    note_got(fresh(ee), digest, repeats=bool(job.repeats_id))
    note_ran(job)
    return job


def test_a_pin_decides_before_everything_and_unpin_gives_back(ee: Any, boss: User) -> None:
    pins.set_policy(ee, "hold", user=boss)
    ran(ee, B)

    pinned = pins.pin(ee, A, user=boss)
    assert (pinned.wanted_digest, pinned.modified_by) == (A, boss)
    assert [d.origin for d in ee.digests.filter(digest=A)] == ["pinned"]
    assert pins.unpin(ee, user=boss).wanted_digest == B


@pytest.mark.parametrize("digest", ["", "latest", "sha256:abc", "sha256:" + "A" * 64, f"{A}x"])
def test_what_is_no_digest_is_refused(ee: Any, digest: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        pins.pin(ee, digest, user=None)

    assert "64 hexadecimal digits" in refused.value.cure


def test_an_image_that_names_a_digest_cannot_be_pinned_to_another(ee: Any) -> None:
    ee.image = f"reg.example.org/ee@{A}"
    ee.save()

    assert fresh(ee).wanted_digest == A
    with pytest.raises(InvalidInput):
        pins.pin(ee, B, user=None)


def test_hold_begins_with_what_ran_last_and_goes_on_when_a_person_accepts(
    ee: Any, boss: User
) -> None:
    ran(ee, A)
    note_tag(ee.pk, IMAGE, B)
    held = pins.set_policy(ee, "hold", user=boss)
    assert (held.wanted_digest, decide(held).state) == (A, "held")
    assert held.drifted_since is not None

    accepted = pins.accept(ee, user=boss)
    assert (accepted.wanted_digest, accepted.drifted_since) == (B, None)
    assert pins.accept(ee, user=boss, digest=A).wanted_digest == A  # and back
    assert pins.unaccept(ee, user=boss).wanted_digest == ""
    assert pins.set_policy(ee, "follow", user=boss).accepted_digest == ""


@pytest.mark.parametrize("policy", ["warn", "hold"])
def test_the_first_digest_that_runs_is_accepted_and_no_later_one(ee: Any, policy: str) -> None:
    pins.set_policy(ee, policy, user=None)

    ran(ee, A)
    ran(ee, B)

    assert fresh(ee).accepted_digest == A


def test_an_exact_repetition_neither_accepts_nor_counts_as_current(ee: Any) -> None:
    old = ran(ee, A)
    ran(ee, B)
    pins.set_policy(ee, "warn", user=None)
    pins.unaccept(ee, user=None)

    ran(ee, A, repeats=old)

    now = fresh(ee)
    assert (now.accepted_digest, now.last_digest) == ("", B)
    assert ee.digests.get(digest=A).last_run > ee.digests.get(digest=B).last_run


def test_nothing_is_accepted_where_nothing_is_to_be(ee: Any) -> None:
    with pytest.raises(InvalidInput, match="follows its tag"):
        pins.accept(ee, user=None)
    pins.set_policy(ee, "hold", user=None)
    with pytest.raises(InvalidInput, match="not known"):
        pins.accept(ee, user=None)
    pins.pin(ee, A, user=None)
    with pytest.raises(InvalidInput, match="is pinned"):
        pins.accept(ee, user=None)


def test_only_who_may_change_the_ee_decides(ee: Any, boss: User) -> None:
    member = User.objects.create(username="member")
    ee.organization.users.add(member)
    for act in (
        lambda u: pins.pin(ee, A, user=u),
        lambda u: pins.unpin(ee, user=u),
        lambda u: pins.set_policy(ee, "hold", user=u),
        lambda u: pins.accept(ee, user=u, digest=A),
        lambda u: pins.unaccept(ee, user=u),
        lambda u: pins.pin_to_tag(ee, A, user=u),
    ):
        with pytest.raises(Forbidden):
            act(member)
        act(boss)
        pins.unpin(ee, user=boss)


def test_drift_has_a_beginning_and_an_end(ee: Any) -> None:
    ran(ee, A)
    note_tag(ee.pk, IMAGE, A)
    assert fresh(ee).drifted_since is None
    note_tag(ee.pk, IMAGE, B)
    since = fresh(ee).drifted_since
    note_tag(ee.pk, IMAGE, B)
    assert fresh(ee).drifted_since == since is not None
    ran(ee, B)
    assert fresh(ee).drifted_since is None


def test_an_answer_about_an_image_that_was_changed_meanwhile_is_dropped(ee: Any) -> None:
    note_tag(ee.pk, "reg.example.org/other:1", B)
    note_tag_error(ee.pk, "reg.example.org/other:1", "no")

    assert (fresh(ee).registry_digest, fresh(ee).registry_error) == ("", "")
    assert not ee.digests.exists()


def test_a_platforms_digest_and_its_indexs_are_the_same_image(ee: Any) -> None:
    pins.set_policy(ee, "hold", user=None)
    ran(ee, A)  # the engine knew the platform's alone

    note_tag(ee.pk, IMAGE, B, same=(A, "sha256:" + "c" * 64))

    now = fresh(ee)
    assert (now.accepted_digest, now.last_digest, now.drifted_since) == (B, B, None)
    assert decide(now).state == "in step"


def test_another_image_forgets_the_old_tag_but_not_the_pin(ee: Any) -> None:
    pins.set_policy(ee, "hold", user=None)
    ran(ee, A)
    note_tag(ee.pk, IMAGE, B)
    pins.pin(ee, A, user=None)

    changed = fresh(ee)
    changed.image = "mirror.example.org/ee:1"
    changed.save(update_fields=["image"])

    now = fresh(ee)
    assert (now.registry_digest, now.accepted_digest, now.last_digest) == ("", "", "")
    assert (now.registry_checked, now.drifted_since) == (None, None)
    assert (now.pinned_digest, now.drift_policy) == (A, "hold")
    assert ee.digests.count() == 2  # history is not undone
