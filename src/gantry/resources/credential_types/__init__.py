"""The built-in kinds of credential, one file each; `gantry.resources.seeds` writes them as rows.

AWX has code for some of these injectors (awx/main/models/credential/injectors.py); here all are
data. What ansible-playbook itself takes (machine, vault, scm, registry) is not injected but read
by `gantry.path`. An injected variable of a managed type whose template renders empty is left unset.
"""

from __future__ import annotations

from gantry.resources.credential_types.aws import AWS
from gantry.resources.credential_types.machine import MACHINE
from gantry.resources.credential_types.managed import ManagedType
from gantry.resources.credential_types.registry import REGISTRY
from gantry.resources.credential_types.scm import SCM
from gantry.resources.credential_types.vault import VAULT

# In AWX's order of making them.
MANAGED: list[ManagedType] = [MACHINE, SCM, VAULT, AWS, REGISTRY]

__all__ = ["MANAGED", "ManagedType"]
