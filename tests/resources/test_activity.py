"""What is recorded of changes, by what listens to every model: nothing forgotten, nothing twice."""

from __future__ import annotations

from typing import Any

import pytest


def _models() -> dict[str, Any]:
    from django.apps import apps

    return {m.__name__: m for m in apps.get_app_config("resources").get_models()}


def _entries(**wanted: Any) -> list[Any]:
    from gantry.resources.models import ActivityStream

    return list(ActivityStream.objects.filter(**wanted))


def test_every_model_is_recorded_or_says_why_not() -> None:
    from gantry.resources.activity_watch import SILENT
    from gantry.resources.base import Recorded

    models = _models()
    assert set(SILENT) <= set(models)
    assert all(SILENT.values())
    apart = [n for n, m in models.items() if n not in SILENT and not issubclass(m, Recorded)]
    assert apart == [], "these are saved apart from their entry: base them on Recorded"


def test_kinds_have_the_names_of_the_api() -> None:
    from gantry.api.names import NAMES
    from gantry.resources.activity import kind_name

    assert {kind_name(m): m for m in NAMES} == {kind: m for m, (kind, _) in NAMES.items()}


def test_columns_that_may_hold_a_secret_are_hidden() -> None:
    from gantry.resources.activity_watch import SILENT
    from gantry.resources.activity_words import secret, told_fields

    hidden = {
        f"{name}.{column}"
        for name, model in _models().items()
        if name not in SILENT
        for column, field in told_fields(model).items()
        if secret(field)
    }
    assert {"User.password", "Credential.inputs", "JobTemplate.host_config_key"} <= hidden


def test_a_change_and_its_entry_stand_or_fall_together(
    db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gantry.resources.models import ActivityStream, Inventory, Organization

    def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("no room")

    organization = Organization.objects.get()
    kept = Inventory.objects.create(name="kept", organization=organization)
    monkeypatch.setattr(ActivityStream, "save", broken)
    with pytest.raises(RuntimeError):
        Inventory.objects.create(name="new", organization=organization)
    kept.name = "other"
    with pytest.raises(RuntimeError):
        kept.save()
    with pytest.raises(RuntimeError):
        kept.delete()
    assert list(Inventory.objects.values_list("name", flat=True)) == ["kept"]


def test_what_does_not_change_is_not_told(db: str) -> None:
    from gantry.resources.models import Inventory, Organization, User

    row = Inventory.objects.create(name="i", organization=Organization.objects.get())
    Inventory.objects.get(pk=row.pk).save()
    admin = User.objects.get()
    admin.last_login = row.created
    admin.save(update_fields=["last_login"])
    assert [(e.operation, e.object1) for e in _entries()] == [("create", "inventory")]


def test_what_is_saved_in_steps_is_made_once(db: str) -> None:
    """A credential gets its inputs only when it has an id; that is no change of it."""
    from django.db import transaction

    from gantry.resources.models import Credential, CredentialType

    with transaction.atomic():
        row = Credential(name="c", credential_type=CredentialType.objects.get(namespace="ssh"))
        row.save()
        row.set_inputs({"username": "root", "password": "s3cr3t"})
        row.save()
    row.name = "d"
    row.save()
    made, changed = _entries()
    assert (made.operation, made.changes["inputs"]) == ("create", "hidden")
    assert (changed.operation, changed.changes) == ("update", {"name": ["c", "d"]})


def test_only_relations_that_come_or_go_are_told(db: str) -> None:
    from gantry.resources.models import Group, Host, Inventory, Organization

    inventory = Inventory.objects.create(name="i", organization=Organization.objects.get())
    group = Group.objects.create(name="g", inventory=inventory)
    one, other = (Host.objects.create(name=n, inventory=inventory) for n in "ab")
    group.hosts.add(one)
    group.hosts.add(one)
    one.groups.remove(group)
    one.groups.remove(group)
    group.hosts.set([one, other])
    group.hosts.clear()
    told = [(e.operation, e.object1, e.object2, e.object2_id) for e in _entries(object2_id__gt=0)]
    assert told == [
        ("associate", "group", "host", one.pk),
        ("disassociate", "host", "group", group.pk),
        ("associate", "group", "host", one.pk),
        ("associate", "group", "host", other.pk),
        ("disassociate", "group", "host", one.pk),
        ("disassociate", "group", "host", other.pk),
    ]


def test_an_inventory_that_goes_counts_what_goes_with_it(db: str) -> None:
    from gantry.resources.models import Group, Host, Inventory, Organization

    inventory = Inventory.objects.create(name="i", organization=Organization.objects.get())
    for name in "abc":
        Host.objects.create(name=name, inventory=inventory)
    Group.objects.create(name="g", inventory=inventory)
    inventory.delete()
    (entry,) = _entries(operation="delete")
    assert entry.object1 == "inventory"
    assert entry.changes["coalesced_data"] == {"hosts_deleted": 3, "groups_deleted": 1}


def test_a_host_that_goes_alone_is_told(db: str) -> None:
    from gantry.resources.models import Host, Inventory, Organization

    inventory = Inventory.objects.create(name="i", organization=Organization.objects.get())
    Host.objects.create(name="h", inventory=inventory, variables="a: 1")
    Host.objects.filter(name="h").delete()
    (entry,) = _entries(operation="delete")
    assert (entry.object1, entry.changes["name"]) == ("host", "h")
    assert entry.changes["inventory"] == f"i-{inventory.pk}"


def test_what_gantry_does_by_itself_is_no_change_by_anybody(db: str) -> None:
    from gantry.resources.actor import silently
    from gantry.resources.models import Organization
    from gantry.resources.seeds import seed

    seed()
    with silently():
        Organization.objects.create(name="quiet")
    assert _entries() == []
    Organization.objects.create(name="loud")
    assert len(_entries()) == 1


def test_a_change_costs_one_insert_more(db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from gantry.base import config
    from gantry.resources import activity_watch
    from gantry.resources.models import Inventory, Organization

    organization = Organization.objects.get()

    def queries(name: str) -> list[int]:
        counts = []
        with CaptureQueriesContext(
            connection,
        ) as seen:
            row = Inventory.objects.create(name=name, organization=organization)
        counts.append(len(seen))
        row.description = "x"
        with CaptureQueriesContext(connection) as seen:
            row.save()
        counts.append(len(seen))
        with CaptureQueriesContext(connection) as seen:
            row.save(update_fields=["modified"])
        counts.append(len(seen))
        return counts

    on = queries("on")
    off = config.settings().__class__(
        **{**vars(config.settings()), "activity_stream_enabled": False}
    )
    monkeypatch.setattr(activity_watch, "settings", lambda: off)
    assert [a - b for a, b in zip(on, queries("off"), strict=True)] == [1, 2, 0]
    assert {e.changes["name"] for e in _entries(operation="create")} == {"on"}
