"""A fresh installation: what is there, and that starting again changes nothing of people's."""

from __future__ import annotations

import dataclasses

import pytest

from gantry.base import config


def test_a_fresh_installation_has_awx_seeds(db: str) -> None:
    from gantry.resources.models import (
        CredentialType,
        ExecutionEnvironment,
        Organization,
        User,
    )

    assert [o.name for o in Organization.objects.all()] == ["Default"]
    told = config.settings()
    rows = ExecutionEnvironment.objects.order_by("-pk")
    assert [(e.name, e.image, e.managed) for e in rows] == [
        ("Control Plane Execution Environment", told.control_plane_image, True),
        ("AWX EE (latest)", told.global_image, False),
        ("AWX EE (24.6.1)", "quay.io/ansible/awx-ee:24.6.1", False),
    ]
    assert list(CredentialType.objects.order_by("pk").values_list("namespace", flat=True)) == [
        "ssh", "scm", "vault", "aws", "registry",
    ]  # fmt: skip
    admin = User.objects.get()
    assert admin.is_superuser
    assert admin.check_password("correct horse")


def test_seeding_again_only_follows_the_settings(db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from gantry.resources import seeds
    from gantry.resources.models import CredentialType, ExecutionEnvironment, Organization

    Organization.objects.get().delete()
    ExecutionEnvironment.objects.get(name=seeds.PINNED).delete()
    ExecutionEnvironment.objects.filter(name=seeds.LATEST).update(image="mine/own:1")
    CredentialType.objects.filter(namespace="aws").update(injectors={})
    told = dataclasses.replace(config.settings(), control_plane_image="registry.example/cp:2")
    monkeypatch.setattr(seeds, "settings", lambda: told)

    again = seeds.seed()

    assert (again.admin_created, again.admin_password) == (False, "")
    assert not Organization.objects.exists()
    assert not ExecutionEnvironment.objects.filter(name=seeds.PINNED).exists()
    assert ExecutionEnvironment.objects.get(name=seeds.LATEST).image == "mine/own:1"
    assert ExecutionEnvironment.objects.get(managed=True).image == "registry.example/cp:2"
    assert "env" in CredentialType.objects.get(namespace="aws").injectors


def test_a_random_password_is_told_once(db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from gantry.resources import seeds
    from gantry.resources.models import User

    User.objects.all().delete()
    told = dataclasses.replace(config.settings(), admin_password="")
    monkeypatch.setattr(seeds, "settings", lambda: told)

    first, second = seeds.seed(), seeds.seed()

    assert len(first.admin_password) >= 16
    assert User.objects.get().check_password(first.admin_password)
    assert second.admin_password == ""
