"""What the pod of an inventory's update has sent: lines, of which nothing is taken on trust."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from gantry.base.errors import JobFailure
from gantry.path.inventory_payload import LINES
from gantry.resources.inventory_sources import InventoryUpdate
from gantry.resources.projects import Artifact

LONGEST_LINE = 32 << 20
GARBAGE = "inventory_garbage"


def pieces(update: InventoryUpdate) -> Iterator[list[bytes]]:
    """Whole lines, as many as came in one piece."""
    rest = b""
    kept = Artifact.objects.filter(job=update, name=LINES).order_by("number")
    for number in list(kept.values_list("number", flat=True)):
        piece = kept.get(number=number)
        *whole, rest = (rest + bytes(piece.data)).split(b"\n")
        if len(rest) > LONGEST_LINE:
            raise garbage("a host or group is larger than 32 MiB")
        yield whole
    if rest:
        raise garbage("it is not whole")


def line_of(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise garbage(str(error)) from error
    if not isinstance(found, dict):
        raise garbage("a line is no mapping")
    return found


def row_of(line: dict[str, Any], is_group: bool) -> tuple[Any, ...]:
    """Nothing that a pod says is taken on trust."""
    name = text_of(line, "group" if is_group else "host")
    if not name or len(name) > 512:
        raise garbage("a host or group has no name, or one of more than 512 characters")
    enabled, others = line.get("enabled"), line.get("children" if is_group else "groups")
    if not (enabled is None or isinstance(enabled, bool)) or not isinstance(others, list):
        raise garbage(f"what is said of {name} cannot be understood")
    if not all(isinstance(other, str) and "\x00" not in other for other in others):
        raise garbage(f"what is said of {name} cannot be understood")
    variables = text_of(line, "vars")
    if not variables.startswith("{"):
        raise garbage(f"the variables of {name} are no mapping")
    instance = "" if is_group else text_of(line, "instance_id")[:1024]
    return is_group, name, variables, text_of(line, "description"), enabled, instance, others


def text_of(line: dict[str, Any], key: str) -> str:
    value = line.get(key)
    if not isinstance(value, str) or "\x00" in value:
        raise garbage(f"{key} is missing in a line")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise garbage(f"{key} of a line is no text") from error
    return value


def garbage(words: str) -> JobFailure:
    return JobFailure(
        f"What the pod sent as the inventory cannot be taken over: {words}.",
        cure="Look at the output; run `ansible-inventory --list` on the source by hand.",
        code=GARBAGE,
    )
