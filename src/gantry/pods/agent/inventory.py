"""Run in the pod of an inventory update: ansible-inventory, and its answer made plain.

Stdlib only, Python 3.9. The arguments are the command to run; /runner/env/import.json says what is
taken over. Writes /runner/artifacts/inventory.jsonl, a line for each group and each host, which
the agent sends back: so the controller never holds a whole inventory, and a regular expression
that never ends, or an answer that is garbage, is this pod's trouble alone. What becomes of names
and variables is AWX's (awx/main/utils/mem_inventory.py).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

WANTED = "/runner/env/import.json"
OUTPUT = "/runner/artifacts/output.json"
LINES = "/runner/artifacts/inventory.jsonl"
# Exit codes; gantry/path/finish.py has a class, a sentence and a cure for each.
FAILED, NO_PROGRAM, GARBAGE, TOO_LARGE, BAD_FILTER = 2, 3, 20, 21, 22
MOST = 512 << 20  # bytes of an answer
LONGEST_NAME = 512
PORT = re.compile(r"^(?P<name>[^:]+|\[[0-9A-Fa-f:.]+\]):(?P<port>\d{1,5})$")
UNGROUPED = ("all", "ungrouped")
UNSAFE = "__ansible_unsafe"


class Refused(Exception):
    def __init__(self, sentence: str, code: int = GARBAGE) -> None:
        super().__init__(sentence)
        self.code = code


class Read:
    """The answer of ansible-inventory, as hosts and groups by name."""

    def __init__(self, wanted: dict[str, Any]) -> None:
        self.wanted = wanted
        try:
            self.filter = re.compile(wanted.get("host_filter") or ".")
        except re.error as error:
            raise Refused("host_filter is no regular expression: %s" % error, BAD_FILTER) from error
        self.all_vars: dict[str, Any] = {}
        self.group_vars: dict[str, dict[str, Any]] = {}
        self.children: dict[str, dict[str, None]] = {}
        self.host_vars: dict[str, dict[str, Any]] = {}
        self.member_of: dict[str, dict[str, None]] = {}

    def read(self, answer: Any) -> None:
        if not isinstance(answer, dict):
            raise Refused("the inventory is a %s, not a mapping" % type(answer).__name__)
        meta = answer.pop("_meta", None) or {}
        for name, body in answer.items():
            self._group_of(name, body)
        known = meta.get("hostvars") if isinstance(meta, dict) else None
        for name, variables in (known or {}).items():
            host = self._host_name(name)[0]
            if host in self.host_vars and isinstance(variables, dict):
                self.host_vars[host].update(variables)
        if self.wanted.get("exclude_empty_groups"):
            self._drop_empty()

    def _group_of(self, name: str, body: Any) -> None:
        self._add_group(name)
        if isinstance(body, list):
            body = {"hosts": body}
        if not isinstance(body, dict):
            say("Group %s is a %s: left out" % (name, type(body).__name__))
            return
        hosts = body.get("hosts") or {}
        for host in hosts if isinstance(hosts, (dict, list)) else []:
            self._add_host(host, name)
            known = hosts[host] if isinstance(hosts, dict) else None
            plain = self._host_name(host)[0]
            if isinstance(known, dict) and plain in self.host_vars:
                self.host_vars[plain].update(known)
        variables = body.get("vars") or {}
        if isinstance(variables, dict):
            target = self.all_vars if name in UNGROUPED else self.group_vars[name]
            target.update(variables)
        for child in body.get("children") or []:
            self._add_group(child)
            if name not in UNGROUPED and child not in UNGROUPED:
                self.children[name][child] = None

    def _add_group(self, name: Any) -> None:
        check_name(name, "group")
        if name not in UNGROUPED:
            self.group_vars.setdefault(name, {})
            self.children.setdefault(name, {})

    def _add_host(self, given: Any, group: str) -> None:
        check_name(given, "host")
        name, port = self._host_name(given)
        if not self.filter.match(name):
            return
        if name not in self.host_vars:
            self.host_vars[name] = {"ansible_port": port} if port else {}
            self.member_of[name] = {}
        if group not in UNGROUPED:
            self.member_of[name][group] = None

    def _host_name(self, given: str) -> tuple[str, int]:
        found = PORT.match(given)
        return (found["name"], int(found["port"])) if found else (given, 0)

    def _drop_empty(self) -> None:
        """One turn in the order of their coming, as in AWX: a parent that becomes empty stays
        where it came first."""
        used = {group for groups in self.member_of.values() for group in groups}
        for name in list(self.group_vars):
            if self.group_vars[name] or self.children[name] or name in used:
                continue
            del self.group_vars[name], self.children[name]
            for children in self.children.values():
                children.pop(name, None)

    # -- what becomes of it ---------------------------------------------------------------------

    def write(self, path: str) -> None:
        with open(path + ".part", "w") as file:
            file.write(dump({"all": dump(self.all_vars)}) + "\n")
            for name, variables in self.group_vars.items():
                told = variables.pop("_awx_description", "imported")
                row = {"group": name, "vars": dump(variables), "description": str(plain(told)),
                       "children": list(self.children[name])}  # fmt: skip
                file.write(dump(row) + "\n")
            for name, variables in self.host_vars.items():
                file.write(dump(self._host(name, variables)) + "\n")
            file.write(dump({"end": len(self.host_vars) + len(self.group_vars)}) + "\n")
        os.rename(path + ".part", path)

    def _host(self, name: str, variables: dict[str, Any]) -> dict[str, Any]:
        told = variables.pop("_awx_description", "imported")
        row = {"host": name, "description": str(plain(told)), "groups": list(self.member_of[name]),
               "enabled": self._enabled(variables),
               "instance_id": self._instance_id(variables)}  # fmt: skip
        for key in self.wanted.get("strip") or ():
            variables.pop(key, None)
        return dict(row, vars=dump(variables))

    def _enabled(self, variables: dict[str, Any]) -> bool | None:
        """None: the host does not say."""
        found, value = look_up(variables, self.wanted.get("enabled_var") or "")
        if not found:
            return None
        wanted = self.wanted.get("enabled_value") or ""
        return str(value).lower() == wanted.lower() if wanted else bool(value)

    def _instance_id(self, variables: dict[str, Any]) -> str:
        found, value = look_up(variables, self.wanted.get("instance_id_var") or "")
        return str(value)[:1024] if found and value not in (None, "") else ""


def look_up(variables: dict[str, Any], paths: str) -> tuple[bool, Any]:
    """What is at the first of `a.b,c` that leads anywhere."""
    for path in (p.strip() for p in paths.split(",") if p.strip()):
        value: Any = variables
        for key in path.split("."):
            if not isinstance(value, dict) or key not in value:
                break
            value = plain(value[key])
        else:
            return True, value
    return False, None


def plain(value: Any) -> Any:
    """Text that is never a template comes marked. The mark stays on the variables, so that jobs do
    not take it for one either; what is asked of a host here is the text."""
    if isinstance(value, dict) and list(value) == [UNSAFE]:
        return value[UNSAFE]
    return value


def check_name(name: Any, what: str) -> None:
    if not isinstance(name, str) or not name:
        raise Refused("a %s has no name: %r" % (what, name))
    if len(name) > LONGEST_NAME or "\x00" in name:
        raise Refused("the name of a %s is too long: %s..." % (what, name[:60]))
    if "{{" in name or "{%" in name:
        raise Refused("the name of a %s is a template: %s" % (what, name[:60]))


def dump(value: Any) -> str:
    """The same text for the same value, whatever order its keys came in."""
    return json.dumps(value, sort_keys=True)


def say(text: str) -> None:
    print(text, flush=True)


def run(argv: list[str]) -> None:
    """Its output goes where this one's goes. Beside its inventory it finds group_vars and more."""
    beside = argv.index("--playbook-dir") + 1
    if not os.path.isdir(argv[beside]):
        argv[beside] = os.path.dirname(argv[beside])
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, check=False)
    except FileNotFoundError as error:
        raise Refused("the image has no %s" % argv[0], NO_PROGRAM) from error
    if done.returncode:
        raise Refused("%s ended with exit code %d" % (argv[0], done.returncode), FAILED)


def load(path: str) -> Any:
    try:
        if os.path.getsize(path) > MOST:
            raise Refused("the inventory is larger than %d MiB" % (MOST >> 20), TOO_LARGE)
        with open(path, encoding="utf-8") as file:
            # NaN and Infinity are no JSON; as text a host keeps them.
            return json.load(file, parse_constant=str)
    except (OSError, ValueError, RecursionError) as error:
        raise Refused("what ansible-inventory answered is no JSON: %s" % error) from error


def main(argv: list[str]) -> int:
    with open(WANTED) as file:
        wanted = json.load(file)
    try:
        read = Read(wanted)
        run(argv)
        read.read(load(OUTPUT))
        os.unlink(OUTPUT)
        read.write(LINES)
    except Refused as error:
        # Of a program that failed, the last word shall be its own.
        say("%s" % error if error.code == FAILED else "gantry-inventory: %s" % error)
        return error.code
    say("%d groups, %d hosts" % (len(read.group_vars), len(read.host_vars)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
