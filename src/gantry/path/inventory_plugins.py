"""What AWX knows of each kind of inventory source: its plug-in, what it is told, and what of a
host's variables says that it is enabled and which instance it is.

Taken from awx/main/models/inventory.py (PluginFileInjector) and awx/settings/defaults.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from gantry.base.errors import JobFailure
from gantry.path.injectors import ENV_DIR, Injected, inject_credential
from gantry.resources.credentials import Credential
from gantry.resources.inventory_sources import InventoryUpdate
from gantry.resources.variables import parse_variables


@dataclass(frozen=True)
class Plugin:
    """`name` is the plug-in as its file names it, `file` the file's name, which plug-ins insist
    on. `enabled` is a variable and the value it has on a host that is enabled."""

    name: str
    file: str
    enabled: tuple[str, str] = ("", "")
    instance_id: str = ""
    exclude_empty_groups: bool = True
    native: bool = False  # values keep the type that a template gives them


PLUGINS = {
    "ec2": Plugin("aws_ec2", "aws_ec2.yml", ("ec2_state", "running"), "instance_id", native=True),
    "gce": Plugin("gcp_compute", "gcp_compute.yml", ("status", "running"), "gce_id", native=True),
    "azure_rm": Plugin("azure_rm", "azure_rm.yml", ("powerstate", "running"), "id", native=True),
    "vmware": Plugin(
        "vmware_vm_inventory", "vmware_vm_inventory.yml", ("guest.gueststate", "running"),
        "config.instanceUuid,config.instanceuuid",
    ),
    "openstack": Plugin("openstack", "openstack.yml", ("status", "ACTIVE"), "openstack.id"),
    "rhv": Plugin("ovirt.ovirt.ovirt", "ovirt.yml", ("status", "up"), "id"),
    "satellite6": Plugin(
        "theforeman.foreman.foreman", "foreman.yml", ("foreman_enabled,foreman.enabled", "True"),
        "foreman_id,foreman.id",
    ),
    "controller": Plugin("tower", "tower.yml", ("remote_tower_enabled", "true"), "remote_tower_id"),
    "insights": Plugin(
        "redhatinsights.insights.insights", "insights.yml", instance_id="insights_id",
        exclude_empty_groups=False,
    ),
    "terraform": Plugin(
        "cloud.terraform.terraform_state", "terraform_state.yml", instance_id="id"
    ),
    "openshift_virtualization": Plugin("kubevirt.core.kubevirt", "kubevirt.yml"),
    "constructed": Plugin(
        "constructed", "constructed.yml", instance_id="remote_tower_id",
        exclude_empty_groups=False,
    ),
}  # fmt: skip


def plugin_file(update: InventoryUpdate, injected: Injected) -> tuple[str, str]:
    """Name and text of the file that its plug-in reads. The credential goes into `injected`."""
    plugin = PLUGINS[update.source]
    told = {**parse_variables(update.source_vars, field="source_vars"), "plugin": plugin.name}
    injected.env["ANSIBLE_INVENTORY_ENABLED"] = "auto"
    if plugin.native:
        injected.env["ANSIBLE_JINJA2_NATIVE"] = "True"
    credential = update.cloud_credential()
    if credential is not None:
        told = _log_in(update.source, credential, told, injected)
    elif update.source in _NEEDING:
        raise JobFailure(
            f"Inventory source {update.inventory_source} has no credential.",
            cure="Give it the credential of its cloud.", code="credential_missing",
        )  # fmt: skip
    return plugin.file, yaml.safe_dump(told, width=1000)


_NEEDING = ("gce", "terraform", "openstack")


def _log_in(
    source: str, credential: Credential, told: dict[str, Any], injected: Injected
) -> dict[str, Any]:
    inputs = credential.open_inputs()
    if source == "gce":
        told = {"projects": [inputs.get("project") or ""], **told}
    if source == "satellite6":
        injected.secrets += credential.secret_values()
        names = {"FOREMAN_SERVER": "host", "FOREMAN_USER": "username",
                 "FOREMAN_PASSWORD": "password"}  # fmt: skip
        injected.env |= {key: str(inputs.get(field) or "") for key, field in names.items()}
        return told
    inject_credential(credential, injected)
    if source == "terraform" and inputs.get("configuration"):
        told["backend_config_files"] = injected.env["TF_BACKEND_CONFIG_FILE"]
    if source == "openstack":
        _openstack(credential, told, injected)
    return told


def _openstack(credential: Credential, told: dict[str, Any], injected: Injected) -> None:
    """The clouds file also says which addresses are taken, and how hosts are named."""
    path = f"{ENV_DIR}/credential-{credential.pk}-openstack"
    clouds = yaml.safe_load(injected.files[path])
    clouds["clouds"]["devstack"]["private"] = told.get("private", True)
    options = {"use_hostnames": True, "expand_hostvars": False, "fail_on_errors": True}
    if options.keys() & told.keys():
        clouds["ansible"] = {name: told.get(name, value) for name, value in options.items()}
    injected.files[path] = yaml.safe_dump(clouds, allow_unicode=True)


def takeover(update: InventoryUpdate) -> dict[str, Any]:
    """What pods/agent/inventory.py is told of how hosts are read."""
    plugin = PLUGINS.get(update.source)
    enabled = (update.enabled_var, update.enabled_value)
    if not update.enabled_var and plugin is not None:
        enabled = plugin.enabled
    return {
        "host_filter": update.host_filter,
        "enabled_var": enabled[0],
        "enabled_value": enabled[1],
        "instance_id_var": plugin.instance_id if plugin else "",
        "exclude_empty_groups": plugin.exclude_empty_groups if plugin else False,
        # The hosts of a constructed inventory have no variables that Gantry gave their originals.
        "strip": [f"remote_{prefix}_{key}" for prefix in ("host", "tower")
                  for key in ("enabled", "id")] if update.source == "constructed" else [],
    }  # fmt: skip
