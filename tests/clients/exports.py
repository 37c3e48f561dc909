"""What `awx export` says of an installation, made comparable."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
# What scripts/test installs apart: awxkit, and ansible-core with the collection awx.awx.
CLIENTS = Path(os.environ.get("GANTRY_CLIENTS_VENV") or ROOT / ".venv-clients")


def run_awx(
    url: str, *arguments: str, given: str | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """`awx` of awxkit 24.6.1 against the installation at `url`."""
    program = CLIENTS / "bin/awx"
    assert program.exists(), f"{program} is not there: scripts/test installs it"
    return subprocess.run(
        [program, *arguments],
        env={
            "PATH": os.environ["PATH"],
            "CONTROLLER_HOST": url,
            "CONTROLLER_COLOR": "f",
            **variables,
        },
        input=given, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def comparable(exported: str, *, secrets: bool = True) -> dict[str, list[str]]:
    """Kind -> lines. What came of a secret is an empty one: awx leaves it out of what it sends.
    With `secrets` false what is secret or empty is not looked at.

    Lists have the order in which their rows were made, which an import chooses for itself."""
    kinds = json.loads(exported.replace("$encrypted$", ""))
    return {k: json.dumps(_plain(v, secrets), indent=1).splitlines() for k, v in kinds.items()}


def _plain(exported: Any, secrets: bool) -> Any:
    if isinstance(exported, dict):
        kept = {k: v for k, v in exported.items() if secrets or v != ""}
        return {k: _plain(v, secrets) for k, v in sorted(kept.items())}
    if isinstance(exported, list):
        return sorted((_plain(item, secrets) for item in exported), key=json.dumps)
    return exported
