"""The built-in kinds of credential, one file each; `gantry.resources.seeds` writes them as rows.

The list, its order, the fields and the injectors are those of AWX 24.6.1. What it does by code for
some of them is in `gantry.path.cloud_injectors`; what ansible-playbook itself takes (machine,
vault, scm, registry) is read by `gantry.path`. An injected variable whose template renders empty is
left unset.
"""

from __future__ import annotations

from gantry.resources.credential_types.aws import AWS
from gantry.resources.credential_types.azure_rm import AZURE_RM
from gantry.resources.credential_types.bitbucket_dc_token import BITBUCKET_DC_TOKEN
from gantry.resources.credential_types.controller import CONTROLLER
from gantry.resources.credential_types.galaxy_api_token import GALAXY_API_TOKEN
from gantry.resources.credential_types.gce import GCE
from gantry.resources.credential_types.gitea_token import GITEA_TOKEN
from gantry.resources.credential_types.github_token import GITHUB_TOKEN
from gantry.resources.credential_types.gitlab_token import GITLAB_TOKEN
from gantry.resources.credential_types.gpg_public_key import GPG_PUBLIC_KEY
from gantry.resources.credential_types.insights import INSIGHTS
from gantry.resources.credential_types.kubernetes_bearer_token import KUBERNETES_BEARER_TOKEN
from gantry.resources.credential_types.machine import MACHINE
from gantry.resources.credential_types.managed import ManagedType
from gantry.resources.credential_types.network import NETWORK
from gantry.resources.credential_types.openstack import OPENSTACK
from gantry.resources.credential_types.registry import REGISTRY
from gantry.resources.credential_types.rhv import RHV
from gantry.resources.credential_types.satellite6 import SATELLITE6
from gantry.resources.credential_types.scm import SCM
from gantry.resources.credential_types.terraform import TERRAFORM
from gantry.resources.credential_types.vault import VAULT
from gantry.resources.credential_types.vmware import VMWARE
from gantry.resources.lookups import LOOKUPS

# In AWX's order of making them; its own last.
MANAGED: list[ManagedType] = [
    MACHINE, SCM, VAULT, NETWORK, AWS, OPENSTACK, VMWARE, SATELLITE6, GCE, AZURE_RM,
    GITHUB_TOKEN, GITLAB_TOKEN, BITBUCKET_DC_TOKEN, INSIGHTS, RHV, CONTROLLER,
    KUBERNETES_BEARER_TOKEN, REGISTRY, GALAXY_API_TOKEN, GPG_PUBLIC_KEY, TERRAFORM,
    *(ManagedType(x.namespace, "external", x.name, x.inputs) for x in LOOKUPS.values()),
    GITEA_TOKEN,
]  # fmt: skip

__all__ = ["MANAGED", "ManagedType"]
