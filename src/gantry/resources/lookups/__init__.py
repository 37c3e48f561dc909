"""Where values of credentials are looked up: AWX's external credential types, one file a service.

`gantry.resources.credential_types` makes rows of them; `Credential.open_inputs` asks them.
"""

from __future__ import annotations

from gantry.resources.lookups.aws_secretsmanager import AWS_SECRETSMANAGER
from gantry.resources.lookups.azure_keyvault import AZURE_KEYVAULT
from gantry.resources.lookups.centrify import CENTRIFY
from gantry.resources.lookups.contract import Lookup, LookupFailed
from gantry.resources.lookups.cyberark import CONJUR, CYBERARK_CCP
from gantry.resources.lookups.hashivault import HASHIVAULT_KV, HASHIVAULT_SSH
from gantry.resources.lookups.thycotic import THYCOTIC_DSV, THYCOTIC_TSS

# In the order in which AWX names them.
LOOKUPS: dict[str, Lookup] = {
    lookup.namespace: lookup
    for lookup in (
        CONJUR, HASHIVAULT_KV, HASHIVAULT_SSH, AZURE_KEYVAULT, CYBERARK_CCP, CENTRIFY,
        THYCOTIC_DSV, THYCOTIC_TSS, AWS_SECRETSMANAGER,
    )
}  # fmt: skip

__all__ = ["LOOKUPS", "Lookup", "LookupFailed"]
