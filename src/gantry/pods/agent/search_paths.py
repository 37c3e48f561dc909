"""Where ansible looks for roles and collections: those of the payload, and those the project's own
ansible.cfg names. A variable beats ansible.cfg, so without this the file's paths would be lost.

AWX merges them too (awx/main/tasks/jobs.py, RunJob.build_env).
"""

from __future__ import annotations

import configparser
import os

KEYS = {
    "ANSIBLE_ROLES_PATH": ("roles_path",),
    "ANSIBLE_COLLECTIONS_PATH": ("collections_path", "collections_paths"),
}
LARGEST = 1 << 20


def merge(env: dict[str, str], project: str) -> dict[str, str]:
    """`env` with the project's paths right after the first, where its requirements are. Relative
    ones are relative to the project, where ansible runs. A broken file is ansible's to report."""
    defaults = _defaults(os.path.join(project, "ansible.cfg"))
    merged = dict(env)
    for variable, keys in KEYS.items():
        own = next((defaults[key] for key in keys if defaults.get(key)), "")
        if variable not in env or not own:
            continue
        first, *rest = env[variable].split(":")
        named = [path.strip() for path in own.split(":") if path.strip()]
        merged[variable] = ":".join([first, *named, *(p for p in rest if p not in named)])
    return merged


def _defaults(path: str) -> dict[str, str]:
    # As ansible reads it: config/manager.py.
    parser = configparser.ConfigParser(inline_comment_prefixes=(";",), interpolation=None)
    try:
        with open(path, encoding="utf-8") as file:
            parser.read_string(file.read(LARGEST))
        return dict(parser["defaults"])
    except (OSError, ValueError, KeyError, configparser.Error):
        return {}
