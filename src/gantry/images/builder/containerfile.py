"""Rewrites ansible-builder's Containerfile: each RUN sees how this machine reaches its mirrors.

The files lie in the context's folder `_gantry`, bound into a RUN for as long as it runs. Nothing of
them is in a layer, and of the history only their paths: docs/decisions has the measurements.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

SOURCE, TARGET = "_gantry", "/run/gantry-build"
MOUNT = f"--mount=type=bind,source={SOURCE},target={TARGET},ro"
ENTER = f". {TARGET}/env;"
MANAGER = f"{TARGET}/pkgmgr"
# Instruction, then the flags, which may go on over several lines.
_RUN = re.compile(r"(?is)\s*RUN\s+(?P<flags>(?:--\S+\s+(?:\\\n\s*)?|\\\n\s*)*)(?P<rest>.*)")
_FROM = re.compile(
    r"(?is)\s*FROM\s+(?P<flags>(?:--\S+\s+)*)(?P<image>\S+)(?:\s+AS\s+(?P<name>\S+))?"
)
_TAKES = re.compile(r"(?<=[\s,]from=)[\w.-]+|(?<=--from=)[\w.-]+")
_ARG = re.compile(r"(?i)\s*ARG\s+(\w+)\s*=(.*)")
# To a builder image (schema versions 1 and 2) ansible-builder 3 gives this script alone and expects
# the others there, which not even its own Containerfile puts into one; nor is root seen to.
_LONE_SCRIPT = "COPY _build/scripts/pip_install /output/scripts/pip_install"
_SCRIPTS = "USER root\nCOPY _build/scripts/ /output/scripts/"
_PIP = "RUN /output/scripts/pip_install $PYCMD"
_TOOLS_STEP = (
    "RUN { command -v bindep && $PYCMD -c 'import packaging, yaml'; }"
    " >/dev/null 2>&1 || $PYCMD -m pip install --no-cache-dir bindep pyyaml packaging"
)


def instructions(text: str) -> Iterator[str]:
    """Each instruction with the lines it goes on over; comments and empty lines as they are."""
    begun: list[str] = []
    for line in text.splitlines():
        if begun or not (line.strip() == "" or line.lstrip().startswith("#")):
            begun.append(line)
            comment = len(begun) > 1 and line.lstrip().startswith("#")
            if comment or line.rstrip().endswith("\\"):
                continue
            yield "\n".join(begun)
            begun = []
        else:
            yield line
    if begun:
        yield "\n".join(begun)


def rewrite(text: str, *, images: Mapping[str, str], key: str) -> str:
    """`images` are values for the ARGs at the head (EE_BASE_IMAGE, ...), `key` is part of what the
    engine finds a cached layer by: what is bound into a RUN is not."""
    lines, stages, idle = [], 0, {"PKGMGR"}
    for instruction in _furnished(instructions(text)):
        argument = _ARG.match(instruction)
        if argument and not stages:
            name = argument[1]
            if name == "PKGMGR":
                continue  # set below, for all schema versions alike
            if name in images:
                instruction = f'ARG {name}="{images[name]}"'
            if argument[2] in ("", '""') or (name in images and not _uses(text, name)):
                idle.add(name)
        elif instruction.removeprefix("ARG ").strip() in idle:
            continue  # each would cost a layer; one that is empty is as good as not there
        elif run := _RUN.match(instruction):
            instruction = _with_mount(run["flags"], run["rest"])
        lines.append(instruction)
        if _FROM.match(instruction):
            stages += 1
            lines += [f"ARG GANTRY_BUILD={key}", f"ARG PKGMGR={MANAGER}"]
    return "\n".join(lines) + "\n"


def _furnished(lines: Iterator[str]) -> Iterator[str]:
    """With what a builder image of schema version 1 or 2 needs, wherever it comes from."""
    bare = False
    for instruction in lines:
        if instruction == _LONE_SCRIPT:
            bare = True
            yield from _SCRIPTS.splitlines()
            continue
        yield instruction
        if bare and instruction == _PIP:
            bare = False
            yield _TOOLS_STEP


def _uses(text: str, name: str) -> bool:
    """Whether a step names it."""
    return any(
        f"${name}" in i or f"${{{name}" in i for i in instructions(text) if not _FROM.match(i)
    )


def _with_mount(flags: str, rest: str) -> str:
    # A command in JSON runs without a shell: it gets the files, and must find them itself.
    enter = "" if rest.lstrip().startswith("[") else f"{ENTER} "
    return f"RUN {MOUNT} {flags}{enter}{rest.lstrip()}"


@dataclass(frozen=True)
class Stage:
    """One stage of a Containerfile, with what stands before all of them at its head."""

    name: str
    text: str

    def standing_on(self, built: Mapping[str, str]) -> str:
        """The stage as a Containerfile of its own; `built` are the ids of the earlier stages."""
        lines = []
        for instruction in instructions(self.text):
            if (found := _FROM.match(instruction)) and found["image"] in built:
                image = built[found["image"]]
                instruction = f"FROM {found['flags']}{image}"
            elif re.match(r"\s*(COPY|ADD|RUN)\s", instruction, re.IGNORECASE):
                instruction = _TAKES.sub(lambda m: built.get(m[0], m[0]), instruction)
            lines.append(instruction)
        return "\n".join(lines) + "\n"


def stages(text: str) -> list[Stage]:
    """Each is built by itself: a build of several that is ended early takes podman 4.3's whole
    service with it (buildah 1.28 gives a semaphore back twice)."""
    head: list[str] = []
    found: list[tuple[str, list[str]]] = []
    for instruction in instructions(text):
        if begun := _FROM.match(instruction):
            found.append((begun["name"] or str(len(found)), []))
        (found[-1][1] if found else head).append(instruction)
    return [Stage(name, "\n".join([*head, *lines]) + "\n") for name, lines in found]
