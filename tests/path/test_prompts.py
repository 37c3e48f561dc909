"""What a launch may change: AWX's prompts, what it ignores and what it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gantry.base.errors import InvalidInput
from gantry.path.launch import Launched, launch_job
from gantry.resources.templates import PROMPTS
from tests.journeys.world import World

SIMPLE = {
    "limit": "web", "job_tags": "a", "skip_tags": "b", "verbosity": 3, "forks": 9, "timeout": 60,
    "diff_mode": True, "job_type": "check", "job_slice_count": 0,
}  # fmt: skip


def launch(world: World, template: Any, **prompts: Any) -> Launched:
    return launch_job(template, user=world.admin, prompts=prompts)


@pytest.mark.parametrize("name", SIMPLE)
def test_what_is_prompted_for_is_taken(world: World, name: str) -> None:
    launched = launch(world, world.template(**{PROMPTS[name]: True}), **{name: SIMPLE[name]})

    assert getattr(launched.job, name) == SIMPLE[name]
    assert launched.ignored_fields == {}


@pytest.mark.parametrize("name", SIMPLE)
def test_what_is_not_prompted_for_is_ignored_and_said(world: World, name: str) -> None:
    template = world.template()
    launched = launch(world, template, **{name: SIMPLE[name]})

    assert getattr(launched.job, name) == getattr(template, name)
    assert launched.ignored_fields == {name: SIMPLE[name]}


def test_the_templates_own_value_is_neither_taken_nor_ignored(world: World) -> None:
    template = world.template(limit="web", extra_vars='{"a": 1}')

    launched = launch(
        world, template, limit="web", inventory=world.inventory.pk, extra_vars={"a": 1}
    )

    assert launched.ignored_fields == {}


def test_rows_that_are_not_prompted_for_are_ignored_as_ids(world: World) -> None:
    from gantry.resources.models import Inventory

    other = Inventory.objects.create(name="Other", organization=world.organization)
    key = world.credential("ssh", {"username": "x"})

    launched = launch(
        world, world.template(), inventory=other.pk, credentials=[key.pk],
        execution_environment=world.environment.pk,
    )  # fmt: skip

    assert launched.ignored_fields == {
        "inventory": other.pk, "credentials": [key.pk],
        "execution_environment": world.environment.pk,
    }  # fmt: skip


def test_extra_vars_are_merged_over_the_templates(world: World) -> None:
    template = world.template(extra_vars="a: 1\nb: {x: 1}", ask_variables_on_launch=True)

    launched = launch(world, template, extra_vars="---\nb: {y: 2}\nc: 3")

    assert json.loads(launched.job.extra_vars) == {"a": 1, "b": {"y": 2}, "c": 3}


def test_extra_vars_not_prompted_for_are_ignored_one_by_one(world: World) -> None:
    template = world.template(extra_vars='{"a": 1}')

    launched = launch(world, template, extra_vars={"a": 1, "b": 2})

    assert launched.ignored_fields == {"extra_vars": {"b": 2}}
    assert json.loads(launched.job.extra_vars) == {"a": 1}


def credentials_of(world: World) -> dict[str, Any]:
    return {
        "machine": world.credential("ssh", {"username": "a"}, "machine"),
        "other machine": world.credential("ssh", {"username": "b"}, "other machine"),
        "vault": world.credential("vault", {"vault_password": "x"}, "vault"),
        "vault one": world.credential(
            "vault", {"vault_password": "x", "vault_id": "one"}, "vault one"),
        "registry": world.credential("registry", {"host": "x"}, "registry"),
        "scm": world.credential("scm", {"username": "x"}, "scm"),
    }  # fmt: skip


def test_credentials_of_the_launch_replace_the_templates_of_the_same_type(world: World) -> None:
    have = credentials_of(world)
    template = world.template(ask_credential_on_launch=True)
    template.credentials.set([have["machine"]])

    chosen = [have[name].pk for name in ("other machine", "vault", "vault one")]
    launched = launch(world, template, credentials=chosen)

    assert sorted(c.pk for c in launched.job.credentials.all()) == sorted(chosen)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["machine", "other machine"], "Cannot assign multiple Machine credentials."),
        (["machine", "registry"], "Cannot assign a Credential of kind `registry`"),
        (["machine", "scm"], "Cannot assign a Credential of kind `scm`"),
        (["vault"], "Removing Machine credential at launch time without replacement is not "
         "supported. Provided list lacked credential(s): Machine."),
    ],
)  # fmt: skip
def test_credentials_that_do_not_go_together_are_refused_in_awxs_words(
    world: World, names: list[str], sentence: str
) -> None:
    have = credentials_of(world)
    template = world.template(ask_credential_on_launch=True)
    template.credentials.set([have["machine"]])

    with pytest.raises(InvalidInput) as refused:
        launch(world, template, credentials=[have[name].pk for name in names])

    assert refused.value.field == "credentials"
    assert refused.value.sentence.startswith(sentence)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("verbosity", 9, '"9" is not a valid choice.'),
        ("forks", -1, "Ensure this value is greater than or equal to 0."),
        ("forks", 2**40, "Ensure this value is less than or equal to 2147483647."),
        ("forks", "many", "A valid integer is required."),
        ("forks", True, "A valid integer is required."),
        ("job_type", "scan", '"scan" is not a valid choice.'),
        ("job_type", ["run"], "\"['run']\" is not a valid choice."),
        ("diff_mode", "maybe", "Must be a valid boolean."),
        ("limit", 3, "Not a valid string."),
        ("limit", "a\0b", "Null characters are not allowed."),
        ("limit", "a\ud800", "Not a valid string."),
        ("inventory", 9999, 'Invalid pk "9999" - object does not exist.'),
        ("inventory", 10**30, f'Invalid pk "{10**30}" - object does not exist.'),
        ("inventory", {}, "Incorrect type. Expected pk value, received dict."),
        ("credentials", 3, 'Expected a list of items but got type "int".'),
        ("credentials", [9999], 'Invalid pk "9999" - object does not exist.'),
        ("execution_environment", "x", "Incorrect type. Expected pk value, received str."),
        ("extra_vars", "a: [", "Cannot parse as JSON"),
        ("extra_vars", "- a", "Cannot parse as JSON"),
        ("extra_vars", [1], "Input type `list` is not a dictionary"),
    ],
)
def test_a_wrong_value_is_refused_with_its_field(
    world: World, name: str, value: Any, sentence: str
) -> None:
    template = world.template(**{PROMPTS[name]: True})

    with pytest.raises(InvalidInput) as refused:
        launch(world, template, **{name: value})

    assert refused.value.field == name
    assert refused.value.sentence.startswith(sentence)


def test_a_branch_needs_the_projects_leave(world: World) -> None:
    template = world.template(ask_scm_branch_on_launch=True)

    with pytest.raises(InvalidInput) as refused:
        launch(world, template, scm_branch="feature")
    template.project.allow_override = True
    template.project.save()
    launched = launch(world, template, scm_branch="feature")
    with pytest.raises(InvalidInput) as too_long:
        launch(world, template, scm_branch="x" * 300)

    assert (refused.value.field, refused.value.sentence) == (
        "scm_branch", "Project does not allow override of branch.",
    )  # fmt: skip
    assert launched.job.scm_branch == "feature"
    assert "no more than 256 characters" in too_long.value.sentence


def test_what_a_user_may_not_see_does_not_exist_for_a_launch(world: World) -> None:
    from gantry.base.errors import Forbidden
    from gantry.resources.models import Inventory, Organization, User

    elsewhere = Organization.objects.create(name="Elsewhere")
    hidden = Inventory.objects.create(name="Hidden", organization=elsewhere)
    chief = User.objects.create(username="chief")
    world.organization.admins.add(chief)
    template = world.template(ask_inventory_on_launch=True)

    with pytest.raises(InvalidInput) as refused:
        launch_job(template, user=chief, prompts={"inventory": hidden.pk})
    with pytest.raises(Forbidden):
        launch_job(template, user=User.objects.create(username="nobody"), prompts={})

    assert refused.value.sentence == f'Invalid pk "{hidden.pk}" - object does not exist.'


def test_a_launch_brings_along_only_what_its_person_may_use(world: World) -> None:
    from gantry.base.errors import Forbidden
    from gantry.resources.models import Credential, CredentialType, Inventory, User
    from gantry.resources.roles import role_on

    template = world.template(ask_inventory_on_launch=True, ask_credential_on_launch=True)
    other = Inventory.objects.create(name="Other", organization=world.organization)
    kind = CredentialType.objects.get(namespace="ssh")
    key = Credential.objects.create(
        name="Other", organization=world.organization, credential_type=kind
    )

    def person() -> User:  # as a request reads them: what they hold is read once
        return User.objects.get(username="runner")

    runner = User.objects.create(username="runner")
    role_on(template, "execute_role").members.add(runner)
    # What the template has needs no right: that is what a template is for.
    assert launch_job(template, user=person(), prompts={}).job.inventory == template.inventory
    for name, row, prompts in (("inventory", other, other.pk), ("credentials", key, [key.pk])):
        role_on(row, "read_role").members.add(runner)
        with pytest.raises(Forbidden):
            launch_job(template, user=person(), prompts={name: prompts})
        role_on(row, "use_role").members.add(runner)
        assert launch_job(template, user=person(), prompts={name: prompts}).job


def test_a_relaunch_takes_the_right_to_what_was_brought_along(world: World) -> None:
    from gantry.base.errors import Forbidden
    from gantry.path.launch import relaunch_job
    from gantry.resources.models import Inventory, User
    from gantry.resources.roles import role_on

    template = world.template(ask_inventory_on_launch=True)
    other = Inventory.objects.create(name="Other", organization=world.organization)
    plain = launch_job(template, user=None, prompts={}).job
    brought = launch_job(template, user=None, prompts={"inventory": other.pk}).job
    runner = User.objects.create(username="runner")
    role_on(template, "execute_role").members.add(runner)

    assert relaunch_job(plain, user=User.objects.get(pk=runner.pk))
    with pytest.raises(Forbidden) as refused:
        relaunch_job(brought, user=User.objects.get(pk=runner.pk))
    role_on(other, "use_role").members.add(runner)
    assert relaunch_job(brought, user=User.objects.get(pk=runner.pk)).inventory == other

    assert "prompted fields" in refused.value.sentence
