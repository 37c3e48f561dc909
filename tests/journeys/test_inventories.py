"""Inventories that come from elsewhere: read in a pod, taken over, waited for by jobs."""

from __future__ import annotations

import json
from typing import Any

from django.utils import timezone

from gantry.base.bridge import in_thread
from tests.journeys.cloud import Cloud
from tests.journeys.outcome import ended, output, run, told
from tests.journeys.world import PING, World

INI = """[web]
one ansible_connection=local ansible_python_interpreter="{{ ansible_playbook_python }}"
two ansible_host=192.0.2.2

[eu:children]
web
"""
SCRIPT = "#!/bin/sh\n%s\n"


def source(world: World, files: dict[str, str], path: str, **fields: Any) -> Any:
    """A source of an inventory of its own, in a project that holds these files."""
    from gantry.resources.models import Inventory, InventorySource

    number = InventorySource.objects.count() + 1
    inventory = Inventory.objects.create(name=f"From {number}", organization=world.organization)
    values = {"source": "scm", "source_path": path, "inventory": inventory, "name": "source",
              "organization": world.organization, "kind": "inventory_source"}  # fmt: skip
    if files:
        values["source_project"] = world.project(files, name=f"Hosts {number}")
    return InventorySource.objects.create(**(values | fields))


def begin(source: Any, user: Any = None) -> Any:
    from gantry.path.updates import update_source

    return update_source(source, user=user)


def hosts(inventory: Any) -> dict[str, Any]:
    return {h.name: json.loads(h.variables) for h in inventory.hosts.all()}


async def test_a_job_waits_for_its_inventory_and_one_update_serves_all(
    world: World, control: Any
) -> None:
    def prepare() -> tuple[Any, Any, list[Any]]:
        files = {
            "hosts/static": INI,
            "hosts/group_vars/web.yml": "port: 80\n",
            "hosts/static_more.yml": "plugin: ansible.builtin.constructed\nstrict: true\n"
            "groups:\n  even: inventory_hostname == 'two'\n",
        }
        made = source(world, files, "hosts", update_on_launch=True, update_cache_timeout=600)
        template = world.template(PING, inventory=made.inventory, limit="one",
                                  allow_simultaneous=True)  # fmt: skip
        return made, template, [world.launch(template) for _ in range(2)]

    made, template, jobs = await in_thread(prepare)()
    for job in jobs:
        assert (await ended(job)).status == "successful", told(job)

    update = await in_thread(made.inventory_updates.get)()
    assert update.status == "successful"
    assert update.launch_type == "dependency"
    assert {k: v for k, v in update.imported.items() if v and k != "seconds"} == {
        "hosts": 2, "groups": 3, "hosts_added": 2, "groups_added": 3,
    }  # fmt: skip
    assert json.loads(update.job_args)[2:7] == [
        "ansible-inventory", "--list", "--export", "-i", "/runner/project/hosts",
    ]  # fmt: skip
    assert update.cleanup["removed"]
    assert "3 groups, 2 hosts" in await output(update)
    assert update.scm_revision
    assert (await in_thread(hosts)(made.inventory))["two"] == {"ansible_host": "192.0.2.2"}

    def shape() -> dict[str, Any]:
        return {
            g.name: (g.variables, sorted(g.hosts.values_list("name", flat=True)))
            for g in made.inventory.groups.all()
        }

    assert await in_thread(shape)() == {
        "web": ('{"port": 80}', ["one", "two"]), "eu": ("{}", []), "even": ("{}", ["two"]),
    }  # fmt: skip
    # Within its cache timeout it is not asked again.
    assert (await run(world, template)).status == "successful"
    assert await in_thread(made.inventory_updates.count)() == 1


async def test_a_source_that_fails_ends_in_a_plain_error_and_changes_nothing(
    world: World, control: Any
) -> None:
    scripts = {
        "garbage": "echo this is no inventory",
        "broken": "echo oh no >&2; exit 3",
        "endless": "sleep 1000",
        "list": """echo '{"_meta": {"hostvars": {}}, "web": {"hosts": ["{{ evil }}"]}}'""",
        "fine": """echo '{"_meta": {"hostvars": {}}, "web": {"hosts": ["a"]}}'""",
    }
    files = {name: SCRIPT % text for name, text in scripts.items()}
    options = {"endless": {"timeout": 2}, "fine": {"host_filter": "("}}

    def prepare() -> tuple[dict[str, Any], Any]:
        found = {
            name: source(world, files, name, **options.get(name, {}))
            for name in [*scripts, "missing", "../../etc/passwd"]
        }
        found["garbage"].update_on_launch = True
        found["garbage"].save()
        job = world.launch(world.template(inventory=found["garbage"].inventory))
        return {name: begin(made) for name, made in found.items()}, job

    updates, job = await in_thread(prepare)()
    for name, words in {
        "garbage": ("failed", "inventory_failed", "The inventory could not be read: "),
        "broken": ("failed", "inventory_failed", "oh no"),
        "endless": ("failed", "timeout", "timeout"),
        "list": ("failed", "inventory_garbage", "the name of a host is a template"),
        "fine": ("failed", "host_filter_broken", "no regular expression"),
        "missing": ("failed", "inventory_failed", "The inventory could not be read"),
        "../../etc/passwd": ("error", "source_outside_project", "leaves the project"),
    }.items():
        update = await ended(updates[name])
        assert (update.status, update.failure_class) == words[:2], told(update)
        said = f"{update.job_explanation}\n{await output(update)}"
        assert words[2] in said, said
        assert not await in_thread(lambda one: hosts(one.inventory))(update)
    # A job that waited for one ends with its reason and its number.
    job = await ended(job)
    assert job.status == "failed"
    assert f'"job_id": "{updates["garbage"].pk}"' in job.job_explanation
    assert "could not be read" in job.failure_cure


async def test_a_constructed_inventory_is_made_of_others_at_launch(
    world: World, control: Any
) -> None:
    def prepare() -> Any:
        from gantry.resources.inventory_sources import make_constructed_source
        from gantry.resources.models import Host, HostFacts, Inventory

        more = Inventory.objects.create(name="More", organization=world.organization)
        Host.objects.create(name="gamma", inventory=more, variables="tier: gold")
        Host.objects.create(name="off", inventory=more, enabled=False)
        alpha = world.inventory.hosts.get(name="alpha")
        HostFacts.objects.create(host=alpha, facts={"ansible_os_family": "Debian"})
        world.inventory.hosts.filter(pk=alpha.pk).update(ansible_facts_modified=timezone.now())
        made = Inventory.objects.create(
            name="Made", kind="constructed", organization=world.organization
        )
        for each in (world.inventory, more):
            made.input_inventories.add(each)
        own = make_constructed_source(made)
        own.source_vars = (
            "plugin: constructed\nstrict: false\ngroups:\n  gold: tier == 'gold'\n"
            "  debian: ansible_os_family == 'Debian'\n"
            "keyed_groups:\n  - {key: ansible_connection, prefix: by}\n"
        )
        own.save()
        return made, world.launch(world.template(inventory=made, limit="alpha"))

    made, job = await in_thread(prepare)()
    job = await ended(job)
    assert job.status == "successful", told(job)

    def check() -> None:
        from gantry.resources.models import Host

        update = made.inventory_updates.get()
        assert update.ee_reason.startswith("control plane environment")
        assert {g.name: sorted(g.hosts.values_list("name", flat=True))
                for g in made.groups.all()} == {"gold": ["gamma"], "debian": ["alpha"],
                                                "by_local": ["alpha", "beta"]}  # fmt: skip
        gamma = made.hosts.get(name="gamma")
        assert json.loads(gamma.variables) == {"tier": "gold"}
        original = Host.objects.get(name="gamma", inventory__name="More")
        assert gamma.instance_id == str(original.pk)

    await in_thread(check)()


async def test_a_smart_inventory_finds_hosts_of_its_organization(
    world: World, control: Any
) -> None:
    def prepare() -> Any:
        from gantry.resources.models import Inventory

        smart = Inventory.objects.create(
            name="Smart", kind="smart", organization=world.organization,
            host_filter="name=alpha and inventory__name=Local",
        )  # fmt: skip
        return world.launch(world.template(inventory=smart))

    job = await ended(await in_thread(prepare)())
    assert job.status == "successful", told(job)
    results = await in_thread(lambda: [(s.host_name, s.host_id) for s in
                                       job.job_host_summaries.all()])()  # fmt: skip
    alpha = await in_thread(lambda: world.inventory.hosts.get(name="alpha").pk)()
    assert results == [("alpha", alpha)]


async def test_facts_are_kept_given_to_the_next_job_and_cleared(world: World, control: Any) -> None:
    files = {
        "gather.yml": "- hosts: alpha\n  gather_facts: false\n  tasks:\n"
        "    - setup: {gather_subset: [min]}\n    - set_fact: {mine: [1, 2], cacheable: true}\n",
        "use.yml": "- hosts: all\n  gather_facts: false\n  tasks:\n"
        "    - debug: {msg: 'known {{ ansible_facts.system | default(false) }}'}\n"
        "    - meta: clear_facts\n",
    }

    def template(playbook: str, project: Any) -> Any:
        row = world.template(project=project, use_fact_cache=True)
        row.playbook = playbook
        row.save()
        return row

    project = await in_thread(lambda: world.project(files))()
    gathered = await run(world, await in_thread(template)("gather.yml", project))
    assert gathered.status == "successful", told(gathered)

    def found(text: str) -> list[str]:
        from gantry.resources.host_filter import parse, plain_condition
        from gantry.resources.models import Host

        return [h.name for h in Host.objects.filter(parse(text, plain_condition))]

    alpha = await in_thread(lambda: world.inventory.hosts.select_related("kept_facts").get(
        name="alpha"))()  # fmt: skip
    assert alpha.kept_facts.facts["ansible_system"] == "Linux"
    assert alpha.ansible_facts_modified is not None
    assert await in_thread(found)("ansible_facts__ansible_system=Linux") == ["alpha"]
    assert await in_thread(found)("ansible_facts__mine[]=2 and name=alpha") == ["alpha"]
    assert await in_thread(found)('ansible_facts__mine[]="2"') == []

    used = await run(world, await in_thread(template)("use.yml", project))
    assert used.status == "successful", told(used)
    said = await output(used)
    assert "known Linux" in said
    assert "known False" in said  # beta, of which nothing is known
    facts = await in_thread(lambda: [(f.host.name, f.facts) for f in _facts()])()
    assert facts == [("alpha", {})]


def _facts() -> Any:
    from gantry.resources.models import HostFacts

    return HostFacts.objects.select_related("host")


async def test_amazon_is_asked_with_the_sources_credential(
    world: World, control: Any, cloud: Cloud
) -> None:
    two_instances(cloud)

    def prepare() -> Any:
        variables = {"endpoint_url": cloud.url, "regions": [cloud.region],
                     "hostnames": ["instance-id"],
                     "keyed_groups": [{"key": "tags.role", "prefix": "role"}]}  # fmt: skip
        made = source(world, {}, "", source="ec2", source_vars=json.dumps(variables),
                      enabled_var="state.name", enabled_value="running")  # fmt: skip
        made.credentials.add(world.credential("aws", {"username": "key", "password": "s3cr3t-k"}))
        return begin(made)

    update = await ended(await in_thread(prepare)())
    assert update.status == "successful", f"{told(update)}\n{await output(update)}"

    def check() -> None:
        rows = update.inventory.hosts.all()
        assert all(h.instance_id == h.name for h in rows)
        assert sorted(h.enabled for h in rows) == [False, True]
        assert set(update.inventory.groups.values_list("name", flat=True)) == {
            "aws_ec2", "role_web",
        }  # fmt: skip

    await in_thread(check)()
    assert "s3cr3t-k" not in update.job_args + json.dumps(update.job_env)


def two_instances(cloud: Cloud) -> None:
    """One of them stopped."""
    first, _ = cloud.ec2(
        "RunInstances", ImageId="ami-12345678", MinCount="2", MaxCount="2",
        **{
            "TagSpecification.1.ResourceType": "instance",
            "TagSpecification.1.Tag.1.Key": "role", "TagSpecification.1.Tag.1.Value": "web",
        },
    )  # fmt: skip
    cloud.ec2("StopInstances", **{"InstanceId.1": first})
