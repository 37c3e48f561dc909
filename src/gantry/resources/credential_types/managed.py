"""What a built-in credential type is made of; used by the files beside this one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ManagedType:
    """One row of AWX's ManagedCredentialType (awx/main/models/credential/__init__.py)."""

    namespace: str
    kind: str
    name: str
    inputs: Mapping[str, Any]
    injectors: Mapping[str, Any] = field(default_factory=dict)
