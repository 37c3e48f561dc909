"""Turns credentials into what a job gets of them: environment, files, extra vars, ssh keys.

Credential types are AWX's: `injectors` are Jinja templates over the credential's inputs, rendered
in a sandbox that has no filter or method able to grow a value without bound
(shared/reference/stack.md §7 tells what the plain sandbox lets through).
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from jinja2 import StrictUndefined, TemplateError, Undefined, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from gantry.base.errors import JobFailure
from gantry.path.cloud_injectors import BY_CODE
from gantry.resources.credentials import RESERVED_VARIABLES, Credential

LONGEST_TEMPLATE = 8 << 10
LONGEST_RESULT = 64 << 10
ENV_DIR = "/runner/env"
# What a job knows of itself no credential may change. AWX main/constants.py, ENV_BLOCKLIST.
OWN_VARIABLES = RESERVED_VARIABLES | {"HOME", "LD_PRELOAD"}
# None of these makes much out of little: `replace` and `join`, chained, multiply lengths, and so
# would `tojson`, which is bounded below.
FILTERS = ("lower", "upper", "trim", "default", "d", "first", "last", "length", "int", "string",
           "tojson", "urlencode")  # fmt: skip
# A value put into a variable can be doubled again and again; nested loops multiply. Nor is there
# any other template to include.
REFUSED = (nodes.Assign, nodes.AssignBlock, nodes.With, nodes.Macro, nodes.CallBlock,
           nodes.FilterBlock, nodes.For, nodes.Include, nodes.Import, nodes.FromImport,
           nodes.Extends)  # fmt: skip


@dataclass
class Injected:
    """What the payload takes over. `files` are path -> content; `secrets` are to be masked."""

    env: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    extra_vars: dict[str, Any] = field(default_factory=dict)
    ssh_keys: list[str] = field(default_factory=list)
    signed_keys: list[list[str]] = field(default_factory=list)  # key and certificate
    secrets: list[str] = field(default_factory=list)


def _to_json(value: Any) -> str:
    """Plain JSON, as a file wants it: Jinja's own filter escapes for HTML."""
    text = json.dumps(value)
    if len(text) > LONGEST_RESULT:
        raise TemplateError("a value is longer than 64 KiB")
    return text


class Sandbox(ImmutableSandboxedEnvironment):
    """Filters of an allow-list, no calls, and no operator that multiplies."""

    place = "an injector"
    allowed: tuple[str, ...] = FILTERS
    intercepted_binops = frozenset(["*", "**", "%", "+"])

    def __init__(self, undefined: type[Undefined] = StrictUndefined) -> None:
        super().__init__(undefined=undefined, autoescape=False)
        self.filters = {k: v for k, v in self.filters.items() if k in self.allowed}
        self.filters["tojson"] = _to_json
        self.globals.clear()

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator != "+" or not isinstance(left, str | int) or not isinstance(right, str | int):
            raise TemplateError(f"operator {operator} is not allowed in {self.place}")
        return super().call_binop(context, operator, left, right)

    def is_safe_callable(self, obj: Any) -> bool:
        return False


_sandbox = Sandbox()


def render(template: str, values: dict[str, Any], where: str) -> str:
    """One injector's value. Raises JobFailure naming the credential."""
    if "{" not in template:
        return template
    try:
        if len(template) > LONGEST_TEMPLATE:
            raise TemplateError("the template is longer than 8 KiB")
        # Parsed first: compiling would already compute what is constant.
        for node in _sandbox.parse(template).find_all(REFUSED):
            raise TemplateError(f"`{type(node).__name__.lower()}` is not allowed in an injector")
        text = _sandbox.from_string(template).render(values)
        if len(text) > LONGEST_RESULT:
            raise TemplateError("the result is longer than 64 KiB")
    except (TemplateError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise JobFailure(
            f"The injector of {where} cannot be rendered: {error}.",
            cure="Mend the injectors of its credential type.",
            code="injector_broken",
        ) from error
    return text


def inject_credential(credential: Credential, into: Injected) -> None:
    """Apply a credential type's injectors (not ssh, scm, vault or registry: those are built in)."""
    kind = credential.credential_type
    if kind.managed and kind.namespace in BY_CODE:
        _inject_by_code(credential, into)
        return
    blank = {f["id"]: False if f.get("type") == "boolean" else "" for f in kind.fields}
    values = blank | credential.open_inputs()
    where = f"credential {credential.name}"
    injectors = kind.injectors or {}
    names: dict[str, Any] = {}
    for key, template in (injectors.get("file") or {}).items():
        path = f"{ENV_DIR}/credential-{credential.pk}-{key.replace('.', '-')}"
        text = render(template, values, where)
        # Jinja drops the last end of a line, which keys and certificates need.
        into.files[path] = text + "\n" if template.endswith("\n") and text[-1:] != "\n" else text
        label = key.partition(".")[2]
        names = {**names, label: path} if label else {"filename": path}
    values |= {"tower": {"filename": names.get("filename", names)},
               "awx": {"filename": names.get("filename", names)}}  # fmt: skip
    for name, template in (injectors.get("env") or {}).items():
        value = render(template, values, where)
        if name not in OWN_VARIABLES and (value or "{" not in template):
            into.env[name] = value
    for name, template in (injectors.get("extra_vars") or {}).items():
        into.extra_vars[name] = _render_tree(template, values, where)
    into.secrets += credential.secret_values()


def _inject_by_code(credential: Credential, into: Injected) -> None:
    inputs = credential.open_inputs()
    into.secrets += credential.secret_values()
    if credential.credential_type.kind == "net" and inputs.get("ssh_key_data"):
        # What reads the file cannot be asked for a passphrase.
        where, passphrase = f"credential {credential.name}", inputs.get("ssh_key_unlock") or ""
        inputs["ssh_key_data"] = open_key(inputs["ssh_key_data"], passphrase, where)
        into.secrets.append(inputs["ssh_key_data"])

    def write(label: str, content: str) -> str:
        path = f"{ENV_DIR}/credential-{credential.pk}-{label}"
        into.files[path] = content
        return path

    into.env |= BY_CODE[credential.credential_type.namespace or ""](inputs, write)


def _render_tree(template: Any, values: dict[str, Any], where: str) -> Any:
    if isinstance(template, dict):
        return {k: _render_tree(v, values, where) for k, v in template.items()}
    if isinstance(template, list):
        return [_render_tree(v, values, where) for v in template]
    return render(template, values, where) if isinstance(template, str) else template


def open_key(pem: str, passphrase: str, where: str) -> str:
    """A private key ready for ssh-add: without its passphrase, in a form every ssh reads."""
    text = (pem.replace("\r\n", "\n").strip() + "\n").encode()
    # A passphrase for a key that needs none does no harm, as with ssh-add.
    for load in (serialization.load_ssh_private_key, serialization.load_pem_private_key):
        for secret in dict.fromkeys((passphrase.encode() or None, None)):
            with contextlib.suppress(ValueError, TypeError, UnsupportedAlgorithm):
                key = load(text, secret)
                return key.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.OpenSSH,
                    serialization.NoEncryption(),
                ).decode()
    raise _bad_key(where, passphrase)


def _bad_key(where: str, passphrase: str) -> JobFailure:
    given = "the given passphrase does not open it" if passphrase else "it needs a passphrase"
    return JobFailure(
        f"The private key of {where} cannot be read: it is damaged, or {given}.",
        cure="Enter the key again, with its passphrase.",
        code="ssh_key_unreadable",
    )
