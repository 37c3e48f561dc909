"""The command line and the extra vars of a job: what goes in as a value comes out as that value."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gantry.path.arguments import (
    _line,
    extra_vars_file,
    meta_variables,
    playbook_arguments,
)
from tests.journeys.world import World


class Unsafe(str):
    """What ansible will not evaluate."""


class Loader(yaml.SafeLoader):
    """PyYAML as ansible extends it."""


class FastLoader(yaml.CSafeLoader):
    """libyaml, which ansible takes where it is there, and which is stricter."""


for loader in (Loader, FastLoader):
    loader.add_constructor("!unsafe", lambda load, node: Unsafe(load.construct_scalar(node)))

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = TEXT | st.integers(850, 1500).map(lambda length: "kéy" * (length // 3))
SCALARS = (st.none() | st.booleans() | st.integers() | TEXT
           | st.floats(allow_nan=False, allow_infinity=False))  # fmt: skip
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=12
)


def texts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [t for v in value.values() for t in texts(v)]
    if isinstance(value, list):
        return [t for v in value for t in texts(v)]
    return [value] if isinstance(value, str) else []


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(KEYS, VALUES, min_size=1), st.booleans())
def test_any_value_parses_back_to_itself(variables: dict[str, Any], unsafe: bool) -> None:
    written = "---\n" + "".join(_line(k, v, unsafe) for k, v in variables.items())
    for loader in (Loader, FastLoader):
        read = yaml.load(written.encode(), Loader=loader)
        assert read == variables
        assert json.dumps(read) == json.dumps(variables)  # 1 is not 1.0, nor True
        assert all(isinstance(t, Unsafe) is unsafe for t in texts(read))


@pytest.mark.parametrize(
    "value",
    ["\x00\x07\x1b", "\x7f\x85\x9f\xa0", "\u2028\u2029", "\ufeff", "\U0001f600", "\\ud83d\\ude00",
     "a\nb\r\n\tc", "{{ x }}", "!unsafe", "# no comment", "yes", "1e3", 1e16, 1e-7, -0.0, 1e300,
     10**30, "é\u0301"],
)  # fmt: skip
def test_awkward_values_parse_back(value: Any) -> None:
    for loader in (Loader, FastLoader):
        assert yaml.load(_line("v", value, True).encode(), Loader=loader) == {"v": value}


def test_a_lone_surrogate_is_replaced_since_nothing_can_carry_it() -> None:
    assert yaml.load(_line("v", "a\ud800b", True).encode(), Loader=FastLoader) == {"v": "a\ufffdb"}


def read(world: World, template: Any, allow: str, **extra: Any) -> dict[str, Any]:
    job = world.launch(template, extra_vars=extra)
    return dict(yaml.load(extra_vars_file(job, {"injected": "{{ c }}"}, allow), Loader=Loader))


@pytest.fixture
def template(world: World) -> Any:
    own = json.dumps({"own": "{{ 1 + 1 }}", "both": "{{ old }}"})
    return world.template(extra_vars=own, ask_variables_on_launch=True)


@pytest.mark.parametrize(
    ("allow", "evaluated"),
    [("template", {"own"}), ("always", {"own", "both", "asked"}), ("never", set())],
)
def test_jinja_is_evaluated_only_where_the_setting_says_so(
    world: World, template: Any, allow: str, evaluated: set[str]
) -> None:
    values = read(world, template, allow, both="{{ new }}", asked="{{ lookup('env', 'X') }}")

    trusted = {k for k in ("own", "both", "asked") if not isinstance(values[k], Unsafe)}
    assert trusted == evaluated
    assert isinstance(values["injected"], Unsafe)


def test_a_job_knows_about_itself_under_both_prefixes_and_nobody_can_say_otherwise(
    world: World, template: Any
) -> None:
    values = read(world, template, "always", awx_job_id=999999, tower_user_name="{{ evil }}")

    assert values["awx_job_id"] == values["tower_job_id"] != 999999
    assert values["tower_user_name"] == "admin"
    assert values["awx_inventory_name"] == "Local"
    assert values["awx_job_template_name"] == template.name


def test_a_job_knows_everything_that_awx_tells_it(world: World, template: Any) -> None:
    """AWX: awx_meta_vars of UnifiedJob and Job. What is empty is there too."""
    project = template.project
    project.scm_branch = "main"
    project.save()
    user = {"id": world.admin.pk, "name": "admin", "email": "", "first_name": "", "last_name": ""}
    job = world.launch(template)
    job.scm_branch, job.scm_revision, job.execution_node = "feature", "abc", "here"
    told = {
        "job_id": job.pk, "job_launch_type": "manual", "execution_node": "here",
        "job_template_id": template.pk, "job_template_name": template.name,
        "project_revision": "abc", "project_scm_branch": "main", "job_scm_branch": "feature",
        "inventory_id": world.inventory.pk, "inventory_name": "Local",
        **{f"user_{k}": v for k, v in user.items()},
    }  # fmt: skip
    both = {f"{prefix}_{k}": v for k, v in told.items() for prefix in ("awx", "tower")}
    assert meta_variables(job) == both


def test_a_job_of_a_workflow_knows_the_run_and_what_began_it(world: World, template: Any) -> None:
    from gantry.resources import models as m

    workflow = m.WorkflowJobTemplate.objects.create(
        kind="workflow_job_template", name="Release", organization=world.organization
    )
    schedule = m.Schedule.objects.create(
        name="Weekly", unified_job_template=workflow,
        rrule="DTSTART:20300101T000000Z RRULE:FREQ=WEEKLY;INTERVAL=1",
    )  # fmt: skip
    run = m.WorkflowJob.objects.create(
        kind="workflow_job", name="Release", launch_type="scheduled", schedule=schedule,
        organization=world.organization,
    )  # fmt: skip
    job = world.launch(template)
    m.WorkflowJobNode.objects.create(workflow_job=run, identifier="one", job=job)
    job.launch_type, job.created_by = "workflow", None
    told = meta_variables(job)
    for prefix in ("awx", "tower"):
        assert {
            f"{prefix}_job_launch_type": "workflow",
            f"{prefix}_workflow_job_id": run.pk,
            f"{prefix}_workflow_job_name": "Release",
            f"{prefix}_workflow_job_launch_type": "scheduled",
            f"{prefix}_parent_job_schedule_id": schedule.pk,
            f"{prefix}_parent_job_schedule_name": "Weekly",
        }.items() <= told.items()
    assert "awx_user_id" not in told


def test_the_command_line_is_awxs_in_order_and_spelling(world: World) -> None:
    template = world.template(
        job_type="check", become_enabled=True, diff_mode=True, forks=7, limit="web:!db",
        verbosity=3, job_tags="a,b", skip_tags="c", force_handlers=True, start_at_task="copy it",
    )  # fmt: skip
    machine = {"username": "ops", "become_method": "su", "become_username": "app"}
    vaults = [("", "/runner/env/vault_0"), ("prod", "/runner/env/vault_1")]

    argv = playbook_arguments(world.launch(template), machine, vaults)

    assert argv == [
        "ansible-playbook", "--check", "-u", "ops", "--become", "--diff", "--become-method", "su",
        "--become-user", "app", "--vault-id", "default@/runner/env/vault_0", "--vault-id",
        "prod@/runner/env/vault_1", "--forks=7", "--force-handlers", "-l", "web:!db", "-vvv",
        "-t", "a,b", "--skip-tags=c", "--start-at-task=copy it", "-i", "/runner/inventory/hosts",
        "-e", "@/runner/env/extravars", "site.yml",
    ]  # fmt: skip


def test_nothing_chosen_is_nothing_said(world: World) -> None:
    argv = playbook_arguments(world.launch(world.template()), {}, [])

    assert argv[:3] == ["ansible-playbook", "-u", "root"]
    assert argv[3:] == ["-i", "/runner/inventory/hosts", "-e", "@/runner/env/extravars", "site.yml"]
