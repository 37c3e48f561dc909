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
    kinds = CredentialType.objects.order_by("pk")
    assert list(kinds.values_list("namespace", flat=True)) == [
        "ssh", "scm", "vault", "net", "aws", "openstack", "vmware", "satellite6", "gce", "azure_rm",
        "github_token", "gitlab_token", "bitbucket_dc_token", "insights", "rhv", "controller",
        "kubernetes_bearer_token", "registry", "galaxy_api_token", "gpg_public_key", "terraform",
        "conjur", "hashivault_kv", "hashivault_ssh", "azure_kv", "aim", "centrify_vault_kv",
        "thycotic_dsv", "thycotic_tss", "aws_secretsmanager_credential",
        "gitea_token",  # beyond AWX
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
    CredentialType.objects.filter(namespace="rhv").update(injectors={})
    CredentialType.objects.filter(namespace="gce").delete()
    told = dataclasses.replace(config.settings(), control_plane_image="registry.example/cp:2")
    monkeypatch.setattr(seeds, "settings", lambda: told)

    again = seeds.seed()

    assert (again.admin_created, again.admin_password) == (False, "")
    assert not Organization.objects.exists()
    assert not ExecutionEnvironment.objects.filter(name=seeds.PINNED).exists()
    assert ExecutionEnvironment.objects.get(name=seeds.LATEST).image == "mine/own:1"
    assert ExecutionEnvironment.objects.get(managed=True).image == "registry.example/cp:2"
    assert "env" in CredentialType.objects.get(namespace="rhv").injectors
    assert CredentialType.objects.filter(namespace="gce", managed=True).exists()


def test_a_built_in_type_takes_no_name_from_a_persons_own(db: str) -> None:
    from gantry.resources.models import CredentialType
    from gantry.resources.seeds import seed

    CredentialType.objects.filter(namespace="rhv").delete()
    own = CredentialType.objects.create(name="Red Hat Virtualization", kind="cloud")

    seed()

    assert CredentialType.objects.get(pk=own.pk).name == "Red Hat Virtualization"
    built_in = CredentialType.objects.get(namespace="rhv")
    assert (built_in.name, built_in.managed) == ("Red Hat Virtualization (built-in)", True)


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
