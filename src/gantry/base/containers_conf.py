"""Reads the containers.conf files podman would read here, and writes one that stands for them all.

CONTAINERS_CONF makes podman read that file alone, so Gantry's must repeat what the machine's say.
Called by `base/engine_probe.py` only; the standard library alone.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

Table = dict[str, Any]


def read_configured() -> Table:
    """What podman would go by now: the later file wins, key by key."""
    chosen = os.environ.get("CONTAINERS_CONF")
    merged: Table = {}
    for path in [Path(chosen)] if chosen else _files():
        try:
            merged = _merge(merged, tomllib.loads(path.read_text()))
        except (OSError, tomllib.TOMLDecodeError):
            continue  # podman itself says what is wrong with it, in its own words
    return merged


def _files() -> list[Path]:
    """podman's order (containers.conf(5)), a user's own files last and only when not root."""
    roots = [Path("/usr/share/containers"), Path("/etc/containers")]
    if os.geteuid() != 0:
        roots.append(_config_home() / "containers")
    files = []
    for root in roots:
        files += [root / "containers.conf", *sorted((root / "containers.conf.d").glob("*.conf"))]
    return [file for file in files if file.is_file()]


def _config_home() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser())


def _merge(low: Table, high: Table) -> Table:
    merged = dict(low)
    for key, value in high.items():
        below = merged.get(key)
        both = isinstance(value, dict) and isinstance(below, dict)
        merged[key] = _merge(below or {}, value) if both else value
    return merged


def dump(table: Table, name: str = "") -> str:
    """`table` as TOML: the kinds of value that containers.conf knows, dates not among them."""
    plain = {key: value for key, value in table.items() if not isinstance(value, dict)}
    lines = [f"[{name}]"] if name and plain else []
    lines += [f"{_key(key)} = {_value(value)}" for key, value in plain.items()]
    text = "\n".join(lines) + "\n" if lines else ""
    for key, value in table.items():
        if isinstance(value, dict):
            text += dump(value, f"{name}.{_key(key)}" if name else _key(key))
    return text


def _key(key: str) -> str:
    bare = key.replace("-", "a").replace("_", "a")
    return key if bare.isalnum() and bare.isascii() else _value(key)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list):
        return "[" + ", ".join(_value(entry) for entry in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + "}"
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c >= " " else f"\\u{ord(c):04x}" for c in escaped) + '"'


def storage_driver_in_use() -> str:
    """The storage driver someone chose for this user, or that already holds images; else ""."""
    if os.environ.get("STORAGE_DRIVER"):
        return os.environ["STORAGE_DRIVER"]
    for path in (Path("/etc/containers/storage.conf"), _config_home() / "containers/storage.conf"):
        try:
            chosen = tomllib.loads(path.read_text()).get("storage", {}).get("driver", "")
        except (OSError, tomllib.TOMLDecodeError):
            continue
        if chosen:
            return str(chosen)
    data = Path(os.environ.get("XDG_DATA_HOME") or Path("~/.local/share").expanduser())
    for driver in ("overlay", "vfs"):
        if (data / "containers/storage" / f"{driver}-images").is_dir():
            return driver
    return ""
