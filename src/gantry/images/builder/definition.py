"""Reads an ansible-builder definition and says what is wrong with it: the line, the key, the rule.

The schemas (versions 1, 2 and 3) and the defaults are ansible-builder's own, ee_schema.py and
user_definition.py of ansible_builder; the rules that it checks in code are repeated here, since it
stops at the first and names no line.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from gantry.base.errors import InvalidInput
from gantry.images.builder.marks import Marked, NotYaml, dotted

FILE_NAME = "execution-environment.yml"
DEPENDENCIES = ("galaxy", "python", "system")
IMAGES = {"base_image": "EE_BASE_IMAGE", "builder_image": "EE_BUILDER_IMAGE"}
Path_ = tuple[str | int, ...]


@lru_cache(maxsize=1)
def schemas() -> dict[int, dict[str, Any]]:
    """ansible-builder's, by version. Imported when first asked for: jsonschema takes half a second
    that no other command should pay."""
    from ansible_builder import ee_schema

    return {1: ee_schema.schema_v1, 2: ee_schema.schema_v2, 3: ee_schema.schema_v3}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong. `line` counts from 1, `key` is dotted ("" for the whole)."""

    line: int
    key: str
    words: str

    def __str__(self) -> str:
        return f"Line {self.line}{f', {self.key}' if self.key else ''}: {self.words}"


class InvalidDefinition(InvalidInput):
    """The definition cannot be built; `problems` has each with its line and key."""

    code = "definition"

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(
            " ".join(map(str, problems)), field="text",
            cure="The keys are ansible-builder's: https://docs.ansible.com/projects/builder/en/"
            "latest/definition/",
        )  # fmt: skip
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Definition:
    """What a definition says. `data` is its value, as it was written: no defaults filled in."""

    text: str
    data: dict[str, Any]
    version: int
    base_image: str
    builder_image: str  # "" where the builder is made from the base

    def inline(self, kind: str) -> bool:
        """Whether the requirements of that kind stand in the definition itself."""
        value = self.dependencies.get(kind)
        return not isinstance(value, str) or "\n" in value

    @property
    def names_builder(self) -> bool:
        """Whether the builder image is one that the definition names, not the default."""
        return bool((self.data.get("build_arg_defaults") or {}).get(IMAGES["builder_image"])
                    or (self.data.get("images") or {}).get("builder_image"))  # fmt: skip

    @property
    def dependencies(self) -> dict[str, Any]:
        return dict(self.data.get("dependencies") or {})


def read_definition(text: str) -> Definition:
    """Raises InvalidDefinition."""
    try:
        marked = Marked(text)
    except NotYaml as error:
        raise InvalidDefinition([Problem(error.line, "", f"no YAML: {error}.")]) from error
    data = {} if marked.value is None else marked.value
    if not isinstance(data, dict):
        words = f"a definition is a mapping of keys, not a {type(data).__name__}."
        raise InvalidDefinition([Problem(1, "", words)])
    version = _version(marked, data)
    problems = list(_schema_problems(marked, data, version))
    if not problems:
        problems = list(_rule_problems(marked, data, version))
    if problems:
        raise InvalidDefinition(sorted(problems, key=lambda p: p.line))
    builder = _image(data, version, "builder_image") if version < 3 else ""
    if version == 2 and not (data.get("images") or {}).get("builder_image"):
        builder = ""
    return Definition(text, data, version, _image(data, version, "base_image"), builder)


def _version(marked: Marked, data: dict[str, Any]) -> int:
    """Without one it is 1, whatever its keys (UserDefinition.version)."""
    given = data.get("version", 1)
    try:
        number = int(given)
    except (TypeError, ValueError, OverflowError):
        number = 0
    if number not in schemas():
        words = f"{given!r} is no version of the schema; there are 1, 2 and 3."
        raise InvalidDefinition([Problem(marked.line(["version"]), "version", words)])
    return number


def _image(data: dict[str, Any], version: int, which: str) -> str:
    from ansible_builder.constants import build_arg_defaults

    argument = IMAGES[which]
    given = (data.get("build_arg_defaults") or {}).get(argument)
    if version > 1:
        given = ((data.get("images") or {}).get(which) or {}).get("name") or given
    return str(given or build_arg_defaults[argument])


# -- what the schema says -------------------------------------------------------------------------


def _schema_problems(marked: Marked, data: dict[str, Any], version: int) -> Iterator[Problem]:
    from jsonschema.validators import validator_for

    schema = schemas()[version]
    validator = validator_for(schema)(schema)
    for error in validator.iter_errors(data):
        path: Path_ = tuple(error.absolute_path)
        if error.validator == "additionalProperties":
            known = error.schema.get("properties", {})
            for key in error.instance:
                if key not in known:
                    yield _unknown_key(marked, (*path, key), known, version)
            continue
        yield Problem(marked.line(path), dotted(path), f"{_words(error)}.")


def _unknown_key(marked: Marked, path: Path_, known: dict[str, Any], version: int) -> Problem:
    key = path[-1]
    elsewhere = [
        str(v) for v, schema in schemas().items() if len(path) == 1 and key in schema["properties"]
    ]
    hint = f"known are {', '.join(sorted(known))}"
    if elsewhere:
        hint = f"version {' and '.join(elsewhere)} has it, and this is version {version}"
    words = f"{key!r} is no key of version {version} here; {hint}."
    return Problem(marked.line(path), dotted(path), words)


def _words(error: Any) -> str:
    if error.validator == "anyOf":
        kinds = {"string": "text", "array": "a list of texts", "object": "a mapping"}
        wanted = [kinds.get(o.get("type", ""), "something else") for o in error.schema["anyOf"]]
        return f"{_short(error.instance)} is not {' or '.join(wanted)}"
    if error.validator == "oneOf":
        needed = [n for option in error.schema["oneOf"] for n in option.get("required", ())]
        return f"needs the key {' or '.join(needed)}"
    if error.validator == "type":
        return f"{_short(error.instance)} is not of type {error.schema['type']}"
    return str(error.message)


def _short(value: Any) -> str:
    said = repr(value)
    return said if len(said) <= 60 else said[:57] + "..."


# -- what ansible-builder checks in code ----------------------------------------------------------


def _rule_problems(marked: Marked, data: dict[str, Any], version: int) -> Iterator[Problem]:
    def problem(path: Path_, words: str) -> Problem:
        return Problem(marked.line(path), dotted(path), words)

    for which, image in (data.get("images") or {}).items():
        path = ("images", which)
        if not (image or {}).get("name"):
            if which == "base_image":
                yield problem(path, "the image needs a name.")
            continue
        for key in ("name", "signature_original_name"):
            name = image.get(key)
            # ansible-builder takes any colon, a registry's port as well.
            if name is not None and not name.partition(":")[2]:
                yield problem((*path, key), f"image {name!r} needs a tag, such as {name}:latest.")
    for number, entry in enumerate(data.get("additional_build_files") or []):
        dest = PurePosixPath(entry["dest"])
        if dest.is_absolute() or ".." in dest.parts:
            yield problem(
                ("additional_build_files", number, "dest"),
                f"{entry['dest']!r} leaves the build context; name a folder in it.",
            )


# -- the files it refers to -----------------------------------------------------------------------


def references(definition: Definition) -> list[tuple[Path_, str]]:
    """(key, path or pattern) of each file that the definition takes from beside it."""
    found: list[tuple[Path_, str]] = []
    for kind in DEPENDENCIES:
        value = definition.dependencies.get(kind)
        if isinstance(value, str) and value and "\n" not in value:
            found.append((("dependencies", kind), value))
    if definition.version < 3 and definition.data.get("ansible_config"):
        found.append((("ansible_config",), str(definition.data["ansible_config"])))
    for number, entry in enumerate(definition.data.get("additional_build_files") or []):
        found.append((("additional_build_files", number, "src"), entry["src"]))
    return found


def check_files(definition: Definition, folder: Path | None, *, confined: bool = True) -> None:
    """Whether the files it refers to are in `folder` (None: it stands alone). `confined`: nothing
    outside of the folder may be named. Raises InvalidDefinition."""
    marked, problems = Marked(definition.text), []
    for path, name in references(definition):
        words = _missing(name, folder, confined, pattern=path[0] == "additional_build_files")
        if words:
            problems.append(Problem(marked.line(path), dotted(path), words))
    if problems:
        raise InvalidDefinition(problems)


def _missing(name: str, folder: Path | None, confined: bool, *, pattern: bool) -> str:
    pure = PurePosixPath(name)
    if confined and (pure.is_absolute() or ".." in pure.parts):
        return f"{name!r} lies outside of the definition's folder."
    if folder is None:
        return (
            f"file {name!r} cannot be read: the definition lies in no project; write what it says "
            "into the definition, or keep both in a project."
        )
    if pure.is_absolute():
        return "" if Path(name).exists() else f"file {name!r} does not exist."
    there = any(folder.glob(name)) if pattern else (folder / name).is_file()
    return "" if there else f"file {name!r} does not exist beside the definition."


def definition_hash(definition: Definition, folder: Path | None) -> str:
    """Names the definition with the files it refers to: comments and layout do not count."""
    digest = hashlib.sha256(json.dumps(definition.data, sort_keys=True, default=str).encode())
    for _, name in references(definition):
        for path in sorted(folder.glob(name)) if folder and not name.startswith("/") else []:
            for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
                if file.is_file():
                    content = file.read_bytes()
                    head = f"{file.relative_to(folder)} {len(content)}\n" if folder else ""
                    digest.update(head.encode() + content)
    return f"sha256:{digest.hexdigest()}"
