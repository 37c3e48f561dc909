"""Step 1 for a container group: the cluster of its jobs' pods, and what it puts over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from gantry.base.errors import JobFailure
from gantry.pods.kubernetes_client import Cluster
from gantry.resources.instances import InstanceGroup


@dataclass(frozen=True)
class ClusterOfGroup:
    cluster: Cluster
    override: dict[str, Any]


def stamp_of(group: InstanceGroup) -> tuple[Any, ...]:
    """Another one whenever something of the group or of its credential has changed."""
    credential = group.credential
    changed = (credential.pk, credential.modified) if credential is not None else ()
    return (group.pk, group.modified, *changed)


def cluster_of(group: InstanceGroup) -> ClusterOfGroup:
    """Raises JobFailure for an override that cannot be read. Opens the credential's secrets."""
    override = _override(group)
    namespace = str((override.get("metadata") or {}).get("namespace") or "")
    cluster = Cluster(namespace=namespace)
    if group.credential is not None:
        inputs = group.credential.open_inputs()
        cluster = Cluster(
            namespace=namespace,
            host=str(inputs.get("host") or ""),
            token=str(inputs.get("bearer_token") or ""),
            ca=str(inputs.get("ssl_ca_cert") or ""),
            verify_ssl=bool(inputs.get("verify_ssl", True)),
        )
    return ClusterOfGroup(cluster, override)


def _override(group: InstanceGroup) -> dict[str, Any]:
    try:
        found = yaml.safe_load(group.pod_spec_override or "") or {}
    except yaml.YAMLError as error:
        raise _broken(group, str(error)) from error
    if not isinstance(found, dict):
        raise _broken(group, "it is no mapping")
    return found


def _broken(group: InstanceGroup, why: str) -> JobFailure:
    return JobFailure(
        f"The pod specification of instance group {group.name} cannot be read: {why}",
        cure="Correct the group's custom pod specification; it is YAML of a Pod.",
        code="pod_spec_broken",
    )
