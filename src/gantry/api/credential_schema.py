"""Checks a credential type's inputs and injectors, and a credential's inputs against its type.

AWX does this with a JSON schema (awx/main/fields.py); the sentences are those of AWX. Templates are
read, never rendered: a template given to the API must not run there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from jinja2 import TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from gantry.api.ssh_keys import KeyFormatError, read_keys
from gantry.resources.credentials import ASK, ENCRYPTED, RESERVED_VARIABLES

_NAME = re.compile(r"[a-zA-Z_]+[a-zA-Z0-9_]*")
_FIELD_KEYS: dict[str, type] = {
    "type": str, "format": str, "choices": list, "id": str, "label": str, "help_text": str,
    "multiline": bool, "secret": bool, "ask_at_runtime": bool,
}  # fmt: skip
_JINJA = ImmutableSandboxedEnvironment()  # only parses here


def inputs_problems(inputs: Any) -> Iterator[str]:
    """What is wrong with a type's `inputs`."""
    if not isinstance(inputs, dict):
        yield f"{type(inputs).__name__} provided, expected dict"
        return
    if "dependencies" in inputs:
        yield "'dependencies' is not supported for custom credentials."
    for key in inputs.keys() - {"fields", "required", "dependencies"}:
        yield f"Additional properties are not allowed ({key!r} was unexpected)"
    required = inputs.get("required", [])
    if not isinstance(required, list) or not all(isinstance(r, str) for r in required):
        yield "list of names expected in relative path ['required']"
    fields = inputs.get("fields", [])
    if not isinstance(fields, list):
        yield f"{type(fields).__name__} provided in relative path ['fields'], expected array"
        return
    seen: set[str] = set()
    for number, given in enumerate(fields):
        yield from _field_problems(number, given)
        name = given.get("id") if isinstance(given, dict) else None
        if isinstance(name, str):
            if name in seen:
                yield f"field IDs must be unique ({name})"
            seen.add(name)


def _field_problems(number: int, given: Any) -> Iterator[str]:
    if not isinstance(given, dict):
        kind = type(given).__name__
        yield f"{kind} provided in relative path ['fields', {number}], expected dict"
        return
    for key in ("id", "label"):
        if key not in given:
            yield f"{key!r} is a required property"
    for key, value in given.items():
        wanted = _FIELD_KEYS.get(key)
        if wanted is None and key != "default":
            yield f"Additional properties are not allowed ({key!r} was unexpected)"
        elif wanted is not None and not isinstance(value, wanted):
            yield f"{value!r} is not of type {wanted.__name__!r}"
    yield from _id_problems(given.get("id"))
    yield from _type_problems(given)


def _id_problems(name: Any) -> Iterator[str]:
    if isinstance(name, str) and not _NAME.fullmatch(name):
        yield f"{name} is an invalid variable name"
    if name == "tower":
        yield '"tower" is a reserved field name'


def _type_problems(given: Mapping[str, Any]) -> Iterator[str]:
    kind = given.get("type", "string")
    if kind not in ("string", "boolean"):
        yield f"{kind!r} is not one of ['string', 'boolean']"
        return
    if given.get("format", "url") not in ("ssh_private_key", "url"):
        yield f"{given['format']!r} is not one of ['ssh_private_key', 'url']"
    if "default" in given and not isinstance(given["default"], str if kind == "string" else bool):
        yield f"{given['default']} is not a {kind}"
    for key in ("choices", "multiline", "format", "secret"):
        if key in given and kind != "string":
            yield f"{key} not allowed for {kind} type ({given.get('id')})"
    if given.get("ask_at_runtime"):
        yield "'ask_at_runtime' is not supported for custom credentials."


def injectors_problems(injectors: Any, inputs: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a type's `injectors`; `inputs` are known to be right."""
    if not isinstance(injectors, dict):
        yield f"{type(injectors).__name__} provided, expected dict"
        return
    for key in injectors.keys() - {"file", "env", "extra_vars"}:
        yield f"Additional properties are not allowed ({key!r} was unexpected)"
    for kind in ("file", "env", "extra_vars"):
        if not isinstance(injectors.get(kind, {}), dict):
            yield f"{kind} must be a dict"
            return
    names = {f["id"] for f in inputs.get("fields", [])}
    files = list(injectors.get("file", {}))
    for name in files:
        if not re.fullmatch(r"template(\.[a-zA-Z_]+[a-zA-Z0-9_]*)?", name):
            yield f"Schema validation error in relative path ['file'] ({name!r} does not match)"
    if "template" in files and len(files) > 1:
        yield "Must use multi-file syntax when injecting multiple files"
    for name in injectors.get("env", {}):
        yield from _variable_problems(name)
    for kind, key, template in _templates(injectors):
        yield from _template_problems(kind, key, template, names, files)


def _variable_problems(name: str) -> Iterator[str]:
    if not _NAME.fullmatch(name):
        yield f"{name} is an invalid variable name"
    elif name.startswith("ANSIBLE_"):
        yield (
            f"Environment variable {name} may affect Ansible configuration so its use is not "
            "allowed in credentials."
        )
    elif name in RESERVED_VARIABLES:
        yield f"Environment variable {name} is not allowed to be used in credentials."


def _templates(injectors: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for kind in ("file", "env"):
        for key, template in injectors.get(kind, {}).items():
            yield kind, key, template
    waiting: list[tuple[str, Any]] = [("", injectors.get("extra_vars", {}))]
    while waiting:
        path, node = waiting.pop()
        if isinstance(node, dict):
            for key, value in node.items():
                yield "extra_vars", path or "a key", key
                waiting.append((f"{path}.{key}" if path else str(key), value))
        elif isinstance(node, list):
            waiting.extend((f"{path}[{i}]", value) for i, value in enumerate(node))
        else:
            yield "extra_vars", path, node


def _template_problems(
    kind: str, key: str, template: Any, names: set[str], files: list[str]
) -> Iterator[str]:
    if not isinstance(template, str):
        yield f"{template!r} is not of type 'string'"
        return
    if kind == "env" and not template.isascii():
        yield f"{template!r} does not match '^[\\x00-\\x7F]*$'"
    try:
        tree = _JINJA.parse(template)
    except TemplateSyntaxError as error:
        yield f"Syntax error rendering template for {key} inside of {kind} ({error})"
        return
    except RecursionError:
        yield f"The template for {key} inside of {kind} is nested too deeply"
        return
    for name in sorted(_unknown_names(tree) - names - {"tower"}):
        yield f"{key} uses an undefined field ({name!r} is undefined)"
    for use in tree.find_all(nodes.Getattr):
        if isinstance(use.node, nodes.Name) and use.node.name == "tower" and not files:
            yield (
                f"{key} uses an undefined field (Must define unnamed file injector in order to "
                "reference `tower.filename`.)"
            )


def _unknown_names(tree: nodes.Template) -> set[str]:
    """Names that a template reads and nowhere sets. Not jinja2.meta: its code generator folds
    constants, which runs `{{ 'a' * 10**10 }}` here."""
    found = list(tree.find_all(nodes.Name))
    return {n.name for n in found if n.ctx == "load"} - {n.name for n in found if n.ctx != "load"}


def credential_problems(kind: Any, inputs: Mapping[str, Any]) -> dict[str, list[str]]:
    """What is wrong with a credential's inputs; `kind` is its type. Under "" what fits no field."""
    fields = {f["id"]: f for f in kind.fields}
    problems = field_problems(fields, inputs)
    if "" in problems:
        return problems
    if kind.managed and "ssh_key_unlock" in fields and "ssh_key_data" not in problems:
        problem = _unlock_problem(inputs.get("ssh_key_data"), inputs.get("ssh_key_unlock"))
        if problem:
            problems["ssh_key_unlock"] = [problem]
    return problems


def field_problems(
    fields: Mapping[str, Mapping[str, Any]], inputs: Mapping[str, Any]
) -> dict[str, list[str]]:
    """What is wrong with values for fields, by name; under "" what fits none of them."""
    problems: dict[str, list[str]] = {}
    unknown = sorted(set(inputs) - set(fields))
    if unknown:
        listed = ", ".join(repr(u) for u in unknown)
        verb = "was" if len(unknown) == 1 else "were"
        problems[""] = [f"Additional properties are not allowed ({listed} {verb} unexpected)"]
        return problems
    for name, value in inputs.items():
        problem = _value_problem(fields[name], value)
        if problem:
            problems[name] = [problem]
    return problems


def _value_problem(field: Mapping[str, Any], value: Any) -> str:
    kind = field.get("type", "string")
    asked = value == ASK and field.get("ask_at_runtime")
    if value in ("", None, ENCRYPTED) or asked:
        return ""
    if not isinstance(value, {"string": str, "boolean": bool}[kind]):
        if field.get("secret"):
            return f"secret values must be of type string, not {type(value).__name__}"
        return f"{value!r} is not of type '{kind}'"
    if "choices" in field and value not in field["choices"]:
        return f"{value!r} is not one of {list(field['choices'])!r}"
    return _format_problem(field.get("format", ""), value) if isinstance(value, str) else ""


def _format_problem(form: str, value: str) -> str:
    if "\x00" in value:
        return "Null characters are not allowed."
    if form == "vault_id" and "@" in value:
        return "@ is not an allowed character"
    if form == "ssh_private_key":
        try:
            read_keys(value)
        except KeyFormatError as error:
            return str(error)
    return _url_problem(value) if form == "url" else ""


def _url_problem(value: str) -> str:
    try:
        parts = urlsplit(value)
    except ValueError as error:
        return str(error)
    if not parts.scheme:
        return "Invalid URL: Missing url scheme (http, https, etc.)"
    return "" if parts.netloc else f"Invalid URL: {value}"


def _unlock_problem(key: Any, unlock: Any) -> str:
    """Both as they will be stored, in the clear."""
    if not key or not isinstance(key, str):
        return ""
    encrypted = any(k.encrypted for k in read_keys(key))
    if encrypted and not unlock:
        return "must be set when SSH key is encrypted."
    if unlock and not encrypted:
        return "should not be set when SSH key is not encrypted."
    return ""
