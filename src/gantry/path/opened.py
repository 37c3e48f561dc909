"""Step 4b, what an inventory and opened credentials are to `ansible` and `ansible-playbook`.

Machine and vault it takes by itself; the rest goes by the injectors of its type.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from gantry.base.errors import InvalidInput, JobFailure
from gantry.path.injectors import Injected, inject_credential, open_key
from gantry.resources.credentials import ASK, Credential
from gantry.resources.inventories import Inventory, InventorySnapshot
from gantry.resources.inventory_script import build_script


def take_inventory(
    inventory: Inventory | None, piece: tuple[int, int] = (1, 1)
) -> tuple[InventorySnapshot, str]:
    """The inventory of a job as it is now, or a slice of it (build_script). Raises JobFailure where
    there is none any more."""
    if inventory is None:
        raise JobFailure(
            "The job's inventory has been deleted.",
            cure="Choose another inventory on the template and launch again.",
            code="inventory_missing",
        )
    return keep_inventory(inventory, piece)


def keep_inventory(
    inventory: Inventory, piece: tuple[int, int] = (1, 1)
) -> tuple[InventorySnapshot, str]:
    """What a job carries of an inventory, kept by its content: the row, and its JSON."""
    try:
        script = build_script(inventory, towervars=True, piece=piece)
    except InvalidInput as error:
        raise JobFailure(
            error.sentence, cure=error.cure or "Mend these variables.", code="inventory_broken"
        ) from error
    text = json.dumps(script, sort_keys=True)
    data = text.encode()
    snapshot, _ = InventorySnapshot.objects.get_or_create(
        sha256=hashlib.sha256(data).hexdigest(),
        defaults={
            "inventory": inventory,
            "data": zlib.compress(data, 3),
            "host_count": len(script["_meta"]["hostvars"]),
        },
    )
    return snapshot, text


def open_credentials(
    credentials: Iterable[Credential], asked: Mapping[str, str], injected: Injected
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Inputs of the Machine credential, and the vaults' ids and password files. `asked` are the
    passwords that were given at launch."""
    injected.secrets += asked.values()
    machine: dict[str, Any] = {}
    vaults: list[tuple[str, str]] = []
    for credential in credentials:
        kind = credential.credential_type.kind
        if kind == "ssh":
            machine = _machine(credential, asked, injected)
        elif kind == "vault":
            vaults.append(_vault(credential, asked, injected, len(vaults)))
        else:
            inject_credential(credential, injected)
    return machine, vaults


def _machine(
    credential: Credential, asked: Mapping[str, str], injected: Injected
) -> dict[str, Any]:
    inputs = credential.open_inputs()
    injected.secrets += credential.secret_values()

    def secret(field: str, asked_name: str) -> str:
        value = str(inputs.get(field) or "")
        return asked.get(asked_name, "") if value == ASK else value

    key = inputs.get("ssh_key_data")
    if key:
        passphrase = secret("ssh_key_unlock", "ssh_key_unlock")
        opened = open_key(key, passphrase, f"credential {credential.name}")
        injected.secrets.append(opened)
        certificate = str(inputs.get("ssh_public_key_data") or "")
        if certificate:
            injected.signed_keys.append([opened, certificate])
        else:
            injected.ssh_keys.append(opened)
    for field, asked_name, variable in (
        ("password", "ssh_password", "ANSIBLE_CONNECTION_PASSWORD_FILE"),
        ("become_password", "become_password", "ANSIBLE_BECOME_PASSWORD_FILE"),
    ):
        value = secret(field, asked_name)
        if value:
            path = f"/runner/env/{field}"
            injected.files[path] = value + "\n"
            injected.env[variable] = path
    return inputs


def _vault(
    credential: Credential, asked: Mapping[str, str], injected: Injected, number: int
) -> tuple[str, str]:
    inputs = credential.open_inputs()
    identity = str(inputs.get("vault_id") or "")
    password = str(inputs.get("vault_password") or "")
    if password == ASK:
        password = asked.get(f"vault_password.{identity}" if identity else "vault_password", "")
    injected.secrets.append(password)
    path = f"/runner/env/vault_{number}"
    injected.files[path] = password + "\n"
    return identity, path
