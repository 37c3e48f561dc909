"""Credential types and credentials: secret fields sealed at rest, `$encrypted$` on the way out."""

from __future__ import annotations

from typing import Any

from django.db import models

from gantry.base.crypto import is_sealed, key_ring
from gantry.resources.base import Owned

ENCRYPTED = "$encrypted$"
ASK = "ASK"  # a password field with this value is asked for at each launch
# Names that no credential type may set in a job. AWX: ENV_BLOCKLIST, awx/main/constants.py.
RESERVED_VARIABLES = {
    "VIRTUAL_ENV",
    "PATH",
    "PYTHONPATH",
    "JOB_ID",
    "INVENTORY_ID",
    "INVENTORY_SOURCE_ID",
    "INVENTORY_UPDATE_ID",
    "AD_HOC_COMMAND_ID",
    "REST_API_URL",
    "REST_API_TOKEN",
    "MAX_EVENT_RES",
    "CALLBACK_QUEUE",
    "CALLBACK_CONNECTION",
    "CACHE",
    "JOB_CALLBACK_DEBUG",
    "INVENTORY_HOSTVARS",
    "AWX_HOST",
    "PROJECT_REVISION",
    "SUPERVISOR_CONFIG_PATH",
}
KINDS = [
    ("ssh", "Machine"),
    ("vault", "Vault"),
    ("net", "Network"),
    ("scm", "Source Control"),
    ("cloud", "Cloud"),
    ("registry", "Container Registry"),
    ("token", "Personal Access Token"),
    ("insights", "Insights"),
    ("external", "External"),
    ("kubernetes", "Kubernetes"),
    ("galaxy", "Galaxy/Automation Hub"),
    ("cryptography", "Cryptography"),
]


class CredentialType(Owned):
    """The fields of a kind of credential (`inputs`) and how a job gets them (`injectors`)."""

    name = models.CharField(max_length=512)
    kind = models.CharField(max_length=32, choices=KINDS)
    namespace = models.CharField(max_length=1024, null=True, editable=False)
    managed = models.BooleanField(default=False, editable=False)
    inputs = models.JSONField(default=dict, blank=True)
    injectors = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["kind", "name"]
        constraints = [models.UniqueConstraint(fields=["name", "kind"], name="type_name_kind")]

    def __str__(self) -> str:
        return self.name

    @property
    def fields(self) -> list[dict[str, Any]]:
        return list(self.inputs.get("fields", []))

    @property
    def secret_fields(self) -> set[str]:
        return {f["id"] for f in self.fields if f.get("secret")}

    def defaults(self) -> dict[str, Any]:
        return {f["id"]: f["default"] for f in self.fields if "default" in f}


class Credential(Owned):
    """A set of inputs of one type. Read secrets through `open_inputs` only, at the last moment."""

    name = models.CharField(max_length=512)
    organization = models.ForeignKey(
        "Organization", null=True, blank=True, default=None, on_delete=models.CASCADE,
        related_name="credentials",
    )  # fmt: skip
    owner = models.ForeignKey(
        "User", null=True, blank=True, default=None, on_delete=models.CASCADE,
        related_name="owned_credentials",
    )  # fmt: skip
    credential_type = models.ForeignKey(
        CredentialType, on_delete=models.CASCADE, related_name="credentials"
    )
    managed = models.BooleanField(default=False, editable=False)
    inputs = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "name", "credential_type"], name="credential_name"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def _context(self, field: str) -> str:
        return f"credential:{self.pk}:{field}"

    def set_inputs(self, inputs: dict[str, Any]) -> None:
        """Take a person's inputs; `$encrypted$` keeps what is stored. The row must have an id."""
        secret = self.credential_type.secret_fields
        stored = self.inputs or {}
        taken: dict[str, Any] = {}
        for name, value in inputs.items():
            if value == ENCRYPTED and name in stored:
                taken[name] = stored[name]
            elif name in secret and value not in ("", None, ASK):
                taken[name] = key_ring().seal(str(value), self._context(name))
            else:
                taken[name] = value
        self.inputs = taken

    def shown_inputs(self) -> dict[str, Any]:
        secret = self.credential_type.secret_fields
        return {
            k: ENCRYPTED if v and (k in secret or is_sealed(v)) else v
            for k, v in self.inputs.items()
        }

    def open_inputs(self) -> dict[str, Any]:
        """The inputs in the clear, defaults filled in. Never log, store or show the result."""
        opened = {
            k: key_ring().open(v, self._context(k)) if is_sealed(v) else v
            for k, v in self.inputs.items()
        }
        return {**self.credential_type.defaults(), **opened}

    def secret_values(self) -> list[str]:
        """What must be masked in the output of a job that uses this credential."""
        secret = self.credential_type.secret_fields
        opened = self.open_inputs()
        return [str(v) for k, v in opened.items() if k in secret and v]
