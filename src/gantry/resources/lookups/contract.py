"""What a lookup is: a kind of credential that finds a value of another credential elsewhere.

Names, fields and the requests are those of AWX 24.6.1 (awx/main/credential_plugins), so that its
credentials and input sources mean the same here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Values = Mapping[str, Any]


class LookupFailed(Exception):
    """Why nothing was found, in words fit for people; they hold no secret."""

    def __init__(self, reason: str, *, status: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status  # of an HTTP answer that refused


@dataclass(frozen=True)
class Lookup:
    """`fields` are the credential's inputs, `metadata` what each input source says besides;
    `required` names of both. `find` takes all of them and raises LookupFailed."""

    namespace: str
    name: str
    fields: tuple[Mapping[str, Any], ...]
    metadata: tuple[Mapping[str, Any], ...]
    required: tuple[str, ...]
    find: Callable[[Values], str]

    @property
    def inputs(self) -> dict[str, Any]:
        """As a credential type has them."""
        return {
            "fields": [dict(f) for f in self.fields],
            "metadata": [dict(f) for f in self.metadata],
            "required": list(self.required),
        }

    def complete(self, values: Values) -> dict[str, Any]:
        """With the defaults of what was left out. Raises LookupFailed for what is missing."""
        every = (*self.fields, *self.metadata)
        known = {f["id"]: f["default"] for f in every if "default" in f}
        known |= {k: v for k, v in values.items() if v not in (None, "")}
        missing = [name for name in self.required if known.get(name) in (None, "")]
        if missing:
            raise LookupFailed(f"it lacks {', '.join(missing)}")
        return known


def field(name: str, label: str, help_text: str = "", **more: Any) -> dict[str, Any]:
    """One input of type string, as a credential type's `inputs` have it."""
    given: dict[str, Any] = {"id": name, "label": label, "type": "string"}
    return given | more | ({"help_text": help_text} if help_text else {})
