"""Which settings belong together, for people who look for one; and where each comes from."""

from __future__ import annotations

import dataclasses
import os
import tomllib
from pathlib import Path
from typing import Any

from gantry.base.config import Settings, env_name, settings

# slug -> (title, how the names begin that belong to it)
GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "server": ("Server", (
        "data_dir", "database_url", "postgres_user", "host", "port", "base_url", "allowed_hosts",
        "debug", "log_level", "metrics_",
    )),
    "login": ("Login and tokens", (
        "admin_", "session_", "login_", "access_token_", "refresh_token_", "authorization_",
        "local_password_", "auth_", "social_auth_",
    )),
    "pods": ("Pods and engine", (
        "engine_", "pod_", "project_in_memory", "spool", "acknowledge_wait", "cancel_grace",
    )),
    "images": ("Images", (
        "inspect_", "control_plane_image", "global_image", "registry_", "drift_", "image_",
        "build_", "warm_",
    )),
    "jobs": ("Jobs", (
        "fact_", "default_job_", "allow_jinja_", "ad_hoc_", "bulk_", "capacity", "node", "lease",
        "activity_",
    )),
}  # fmt: skip
OTHER = "other"
_SECRETS = ("password", "secret")


@dataclasses.dataclass(frozen=True)
class Shown:
    """`origin` is "environment", "file" or "default"."""

    name: str
    variable: str
    value: str
    default: str
    meaning: str
    origin: str


def group_of(name: str) -> str:
    for slug, (_title, begins) in GROUPS.items():
        if name.startswith(begins):
            return slug
    return OTHER


def shown(group: str) -> list[Shown]:
    """The settings of a group as this process has them; no secret among the values."""
    stored = _stored()
    return [_shown(f, stored) for f in dataclasses.fields(Settings) if group_of(f.name) == group]


def _shown(f: dataclasses.Field[Any], stored: dict[str, Any]) -> Shown:
    variable = env_name(f)
    origin = "environment" if variable in os.environ else "file" if f.name in stored else "default"
    default = "" if f.default is dataclasses.MISSING else f.default
    return Shown(
        f.name, variable, _text(f.name, getattr(settings(), f.name)), _text("", default),
        f.metadata["meaning"], origin,
    )  # fmt: skip


def _stored() -> dict[str, Any]:
    file = os.environ.get("GANTRY_CONFIG")
    return tomllib.loads(Path(file).read_text()) if file else {}


def _text(name: str, value: Any) -> str:
    if value in ("", ()) or value is None:
        return ""
    if name == "database_url" or any(word in name for word in _SECRETS):
        # Numbers, such as the least length of a password, are no secrets.
        return str(value) if isinstance(value, int) else "set, and not shown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
