"""Injectors: what a credential type may give a job, and what its templates cannot do."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from gantry.base.errors import JobFailure
from gantry.path.injectors import Injected, inject_credential, open_key, render
from tests.journeys.node import ssh_key
from tests.journeys.world import World

FIELDS = [
    {"id": "user", "label": "User", "type": "string"},
    {"id": "token", "label": "Token", "type": "string", "secret": True},
    {"id": "verify", "label": "Verify", "type": "boolean"},
]
numbers = itertools.count(1)


def injected(world: World, injectors: dict[str, Any], **inputs: Any) -> Injected:
    from gantry.resources.models import Credential, CredentialType

    number = next(numbers)
    kind = CredentialType.objects.create(
        name=f"Custom {number}", kind="cloud", inputs={"fields": FIELDS}, injectors=injectors
    )
    credential = Credential.objects.create(
        name=f"custom {number}", organization=world.organization, credential_type=kind
    )
    credential.set_inputs(inputs)
    credential.save()
    into = Injected()
    inject_credential(Credential.objects.get(pk=credential.pk), into)
    return into


def test_env_and_extra_vars_are_rendered_and_the_secret_is_known_for_masking(world: World) -> None:
    got = injected(
        world,
        {
            "env": {"THE_USER": "{{ user }}", "LOGIN": "{{ user }}:{{ token }}", "FIXED": "yes",
                    "EMPTY": "{{ nothing | default('') }}"},
            "extra_vars": {"api": {"token": "{{ token }}", "list": ["{{ user }}", 3]}},
        },
        user="ann", token="s3cr3t-token",
    )  # fmt: skip

    assert got.env == {"THE_USER": "ann", "LOGIN": "ann:s3cr3t-token", "FIXED": "yes"}
    assert got.extra_vars == {"api": {"token": "s3cr3t-token", "list": ["ann", 3]}}
    assert "s3cr3t-token" in got.secrets


def test_one_file_is_named_by_tower_filename(world: World) -> None:
    got = injected(
        world,
        {"file": {"template": "[auth]\ntoken={{ token }}\n"},
         "env": {"CONFIG": "{{ tower.filename }}", "SAME": "{{ awx.filename }}"}},
        token="abcd1234",
    )  # fmt: skip

    [(path, content)] = got.files.items()
    assert content == "[auth]\ntoken=abcd1234\n"
    assert path.startswith("/runner/env/")
    assert got.env == {"CONFIG": path, "SAME": path}


def test_several_files_are_named_by_their_labels(world: World) -> None:
    got = injected(
        world,
        {"file": {"template.cert": "C {{ user }}", "template.key": "K {{ token }}"},
         "extra_vars": {"cert": "{{ tower.filename.cert }}", "key": "{{ tower.filename.key }}"}},
        user="ann", token="abcd1234",
    )  # fmt: skip

    assert got.files[got.extra_vars["cert"]] == "C ann"
    assert got.files[got.extra_vars["key"]] == "K abcd1234"


def test_a_boolean_that_nobody_set_is_false(world: World) -> None:
    template = {"env": {"VERIFY": "{% if verify %}on{% else %}off{% endif %}"}}

    assert injected(world, template).env == {"VERIFY": "off"}
    assert injected(world, template, verify=True).env == {"VERIFY": "on"}


@pytest.mark.parametrize("name", ["PATH", "JOB_ID", "PYTHONPATH", "AWX_HOST", "PROJECT_REVISION"])
def test_what_a_job_knows_of_itself_no_credential_changes(world: World, name: str) -> None:
    assert injected(world, {"env": {name: "mine", "OTHER": "x"}}).env == {"OTHER": "x"}


@pytest.mark.parametrize(
    "template",
    [
        "{{ user.__class__ }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ user.upper() }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ self.__init__ }}",
        "{{ user | attr('__class__') }}",
        "{{ user | map('upper') }}",
        "{{ lipsum() }}",
        "{{ range(10) }}",
        "{{ user.format(1) }}",
        "{{ 'x' * 100000000 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ 'x' | center(1000000000) }}",
        "{{ 'x' | indent(1000000000) }}",
        "{{ [1] * 1000000000 }}",
        "{% for a in 'xxxxxxxxxx' %}{% for b in 'xxxxxxxxxx' %}{{ user }}{% endfor %}{% endfor %}"
        "{{ user * 1000 }}",
        "{% set x = 'y' * 2000000000 %}{{ x }}",
        "{{ undefined_name }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{{ user",
    ],
)
def test_no_template_climbs_or_eats_memory(template: str) -> None:
    with pytest.raises(JobFailure) as failure:
        print(render(template, {"user": "u" * 100}, "credential mine"))
    assert failure.value.code == "injector_broken"
    assert "credential mine" in failure.value.sentence
    assert "credential type" in failure.value.cure


@pytest.mark.parametrize(
    "template",
    [
        "{% set x = 'y' %}" + "{% set x = x ~ x %}" * 40 + "{{ x | length }}",
        "{% set x = 'y' %}" + "{% set x = x + x %}" * 40 + "{{ x | length }}",
        "{% set x = 'y' %}" + "{% set x = x | replace('y', 'yyyyyyyyyy') %}" * 12
        + "{{ x | length }}",
        "{% set x = ['yyyyyyyyyy', 'yyyyyyyyyy'] %}" + "{% set x = [x | join, x | join] %}" * 40
        + "{{ x | length }}",
        "{% set x = 'yyyyyyyyyy' %}" + "{% set x = x | list | tojson %}" * 20 + "{{ x | length }}",
        "{% set x = 'yyyyyyyyyy' | list %}"
        + "".join(f"{{% for a{n} in x %}}" for n in range(12)) + "z" + "{% endfor %}" * 12,
        "{% macro m(n) %}{{ n }}{% endmacro %}{{ m('x') }}",
        "{{ '\"' " + "| tojson " * 1000 + "}}",
        "{{ user " + "| replace('u', 'uuuuuuuuuu') " * 12 + "}}",
    ],
)  # fmt: skip
def test_growth_by_repetition_is_stopped_early(template: str) -> None:
    with pytest.raises(JobFailure):
        render(template, {"user": "u"}, "credential mine")


def test_ordinary_templates_work() -> None:
    values = {"user": "Ann", "hosts": ["a", "b"], "n": 2}

    assert render("{{ user | lower }}@{{ hosts | first }}", values, "x") == "ann@a"
    assert render("{{ user + '!' }} {{ n + 1 }} {{ user ~ n }}", values, "x") == "Ann! 3 Ann2"
    assert render("{% if user == 'Ann' %}{{ hosts | tojson }}{% endif %}", values, "x") == (
        '["a", "b"]'
    )
    assert render("no braces at all", values, "x") == "no braces at all"


def pem(key: Any, passphrase: str = "", ssh: bool = False) -> str:
    kinds = serialization.PrivateFormat
    lock: Any = serialization.NoEncryption()
    if passphrase:
        lock = serialization.BestAvailableEncryption(passphrase.encode())
    kind = kinds.OpenSSH if ssh else kinds.PKCS8
    return str(key.private_bytes(serialization.Encoding.PEM, kind, lock).decode())


KEYS = {
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
    "rsa": rsa.generate_private_key(65537, 2048),
    "ecdsa": ec.generate_private_key(ec.SECP256R1()),
}


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("passphrase", ["", "open sesame é"])
@pytest.mark.parametrize("ssh", [True, False])
def test_keys_of_every_kind_are_opened(name: str, passphrase: str, ssh: bool) -> None:
    written = pem(KEYS[name], passphrase, ssh).replace("\n", "\r\n") + "\n\n"

    opened = open_key(written, passphrase, "credential mine")

    assert opened.startswith("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    again = serialization.load_ssh_private_key(opened.encode(), None)
    assert again.public_key() == KEYS[name].public_key()


@pytest.mark.parametrize("ssh", [True, False])
@pytest.mark.parametrize(("given", "told"), [("", "needs a passphrase"), ("x", "does not open")])
def test_a_wrong_or_missing_passphrase_is_told(ssh: bool, given: str, told: str) -> None:
    with pytest.raises(JobFailure) as failure:
        open_key(pem(KEYS["rsa"], "open sesame", ssh), given, "credential mine")
    assert failure.value.code == "ssh_key_unreadable"
    assert told in failure.value.sentence
    assert "credential mine" in failure.value.sentence


def test_a_passphrase_for_a_key_that_needs_none_does_no_harm() -> None:
    private, _ = ssh_key()

    assert open_key(private, "superfluous", "x").startswith("-----BEGIN OPENSSH")


def test_what_is_no_key_is_told() -> None:
    with pytest.raises(JobFailure) as failure:
        open_key("not a key", "", "credential mine")
    assert "damaged" in failure.value.sentence
