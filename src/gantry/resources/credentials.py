"""Credential types and credentials: secret fields sealed at rest, `$encrypted$` on the way out."""

from __future__ import annotations

from typing import Any

from django.db import models

from gantry.base.crypto import is_sealed, key_ring
from gantry.base.errors import JobFailure
from gantry.base.redact import Redactor
from gantry.resources.base import Owned
from gantry.resources.lookups import LOOKUPS, Lookup, LookupFailed

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
    def lookup(self) -> Lookup | None:
        """What a credential of this type finds; None for a type that looks nothing up."""
        return LOOKUPS.get(self.namespace or "") if self.managed else None

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
        """The inputs in the clear, defaults filled in, and what has a source looked up there: once
        for this object. Never log, store or show the result. Raises JobFailure."""
        if not hasattr(self, "_looked_up"):
            sources = self.input_sources.select_related("source_credential__credential_type")
            self._looked_up = {s.input_field_name: s.find() for s in sources}
        return {**self.open_stored(), **self._looked_up}

    def open_stored(self) -> dict[str, Any]:
        """As `open_inputs`, but asking nobody: what the row itself holds."""
        opened = {
            k: key_ring().open(v, self._context(k)) if is_sealed(v) else v
            for k, v in self.inputs.items()
        }
        return {**self.credential_type.defaults(), **opened}

    def secret_values(self) -> list[str]:
        """What must be masked in the output of a job that uses this credential: what was looked up
        for it among them."""
        secret = self.credential_type.secret_fields
        opened = self.open_inputs()
        return [str(v) for k, v in opened.items() if k in secret and v]


class CredentialInputSource(Owned):
    """That one field of a credential is looked up by another credential, of an external type."""

    target_credential = models.ForeignKey(
        Credential, on_delete=models.CASCADE, related_name="input_sources"
    )
    source_credential = models.ForeignKey(
        Credential, on_delete=models.CASCADE, related_name="target_input_sources"
    )
    input_field_name = models.CharField(max_length=1024)
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["target_credential", "source_credential", "input_field_name"]
        constraints = [
            models.UniqueConstraint(
                fields=["target_credential", "input_field_name"], name="input_source_field"
            )
        ]

    def __str__(self) -> str:
        return f"{self.input_field_name} of credential {self.target_credential_id}"

    def find(self) -> str:
        """The value, from where it is. Raises JobFailure naming credential, field and lookup."""
        source = self.source_credential
        try:
            return look_up(source, self.metadata)
        except LookupFailed as error:
            raise JobFailure(
                f"Field {self.input_field_name} of credential {self.target_credential.name} could "
                f"not be looked up by credential {source.name} ({source.credential_type.name}): "
                f"{error.reason}.",
                cure="Press Test on that credential; check its address, its login and what this "
                "input source asks for.",
                code="lookup_failed",
            ) from error


def look_up(
    source: Credential, metadata: dict[str, Any], instead: dict[str, Any] | None = None
) -> str:
    """What an external credential finds; `instead` has values to use for those stored. Raises
    LookupFailed, whose words hold none of the credential's secrets."""
    values = {**source.open_stored(), **(instead or {}), **metadata}
    return find_with(source.credential_type, values)


def find_with(kind: CredentialType, values: dict[str, Any]) -> str:
    """What a lookup of this kind finds with these values."""
    if kind.lookup is None:
        raise LookupFailed(f"credentials of type {kind.name} look nothing up")
    try:
        return kind.lookup.find(kind.lookup.complete(values))
    except LookupFailed as error:
        secrets = [str(v) for k, v in values.items() if k in kind.secret_fields and v]
        words = Redactor(secrets).text(error.reason)
        raise LookupFailed(words, status=error.status) from error
