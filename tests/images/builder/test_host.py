"""How this machine reaches its mirrors, as far as a build may know."""

from __future__ import annotations

from pathlib import Path

import pytest

from gantry.images.builder import host
from gantry.images.builder.failure import explain
from gantry.images.builder.index import Index, IndexUnreachable
from gantry.images.builder.lock import Base, Lock

LISTED = """\
:env:.index-url='https://me:pass%40word@pip.example.org/simple'
:env:.no-input='1'
global.extra-index-url='file:///srv/wheels https://more.example.org/simple'
global.find-links='/opt/wheels'
global.index-url='https://old.example.org/simple'
global.constraint='/etc/constraints.txt'
install.trusted-host='pip.example.org'
download.index-url='https://never.example.org'
"""


def test_of_pips_settings_those_of_the_network_are_taken_and_no_folder_of_this_machine() -> None:
    assert host.parse_pip_settings(LISTED) == {
        "index-url": "https://me:pass%40word@pip.example.org/simple",
        "extra-index-url": "https://more.example.org/simple",
        "trusted-host": "pip.example.org",
    }


def test_passwords_and_tokens_are_known_as_secrets() -> None:
    environ = {
        "https_proxy": "http://user:door@proxy.example.org:3128",
        "ANSIBLE_GALAXY_SERVER_HUB_TOKEN": "galaxy-token",
        "ANSIBLE_CONFIG": "/nowhere",
    }
    assert {"pass%40word", "pass@word", "door", "galaxy-token"} <= set(
        host.secrets(host.parse_pip_settings(LISTED), environ)
    )


def test_galaxy_servers_of_a_file_become_variables(tmp_path: Path) -> None:
    file = tmp_path / "ansible.cfg"
    file.write_text(
        "[galaxy]\nserver_list = hub\n[galaxy_server.hub]\nurl=https://hub.example.org/\ntoken=t\n"
        "[defaults]\nforks=5\n"
    )
    assert host.galaxy_settings(
        {"ANSIBLE_CONFIG": str(file), "ANSIBLE_GALAXY_SERVER_HUB_TOKEN": "newer"}
    ) == {
        "ANSIBLE_GALAXY_SERVER_LIST": "hub",
        "ANSIBLE_GALAXY_SERVER_HUB_URL": "https://hub.example.org/",
        "ANSIBLE_GALAXY_SERVER_HUB_TOKEN": "newer",
    }


def test_proxies_and_the_ca_reach_every_step(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("a certificate")
    files = host.host_files({}, {"SSL_CERT_FILE": str(ca), "HTTPS_PROXY": "http://proxy:3128"})
    assert files["ca.pem"] == b"a certificate"
    env = files["env"].decode()
    for line in (
        "export https_proxy=http://proxy:3128", "export HTTPS_PROXY=http://proxy:3128",
        "export SSL_CERT_FILE=/run/gantry-build/ca.pem",
        "export PIP_CONFIG_FILE=/run/gantry-build/pip.conf",
    ):  # fmt: skip
        assert line in env.splitlines()
    assert str(tmp_path) not in env


def test_an_index_that_does_not_answer_is_named_without_its_password() -> None:
    index = Index({"index-url": "https://me:secret@127.0.0.1:9/simple"})
    with pytest.raises(IndexUnreachable) as caught:
        index.files([("toml", "1.0")])
    index.close()
    assert "https://127.0.0.1/simple/toml/" in caught.value.sentence
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("E: Unable to locate package no-such", "system_missing"),
        ("E: Version '1.0' for 'tree' was not found", "system_missing"),
        ("Error: Unable to find a match: no-such", "system_missing"),
        ("ERROR: No matching distribution found for nowhere", "python_missing"),
        ("ERROR: no package manager to install tree", "no_package_manager"),
        ("[ERROR]: Unknown error when attempting to call Galaxy at 'https://g/api': <urlopen>",
         "index_unreachable"),
        ("OSError: [Errno 28] No space left on device", "disk_full"),
        ("make: *** [all] Error 2", "build_failed"),
    ],
)  # fmt: skip
def test_the_words_of_the_tools_are_explained(line: str, code: str) -> None:
    failure = explain("building at STEP: exit status 1", ["Collecting a", line, "more"])
    assert failure.code == code
    assert failure.status == "failed"
    assert failure.cure


UNRESOLVED = "[ERROR]: Failed to resolve the requested dependencies map. Could not satisfy the "


def test_collections_that_contradict_each_other_are_told_from_one_that_is_not_there() -> None:
    one = "* acme.rope:>=2.0.0 (dependency of acme.sail:1.0.0)"
    other = "* acme.rope:==1.0.0 (direct request)"
    hint = "Hint: Pre-releases hosted on Galaxy or Automation Hub are not installed by default"
    # ansible-core before 2.19 breaks lines where they are long.
    for lines in ([one, other], [*one.rsplit(" ", 1), *other.rsplit(" ", 1)]):
        both = explain("exit status 1", [f"{UNRESOLVED}following requirements:", *lines, hint])
        assert both.code == "collection_conflict"
        assert both.sentence.endswith(f"{one[2:]}; {other[2:]}")
    alone = explain("exit status 1", [f"{UNRESOLVED}following requirements:", other, hint])
    assert alone.code == "collection_missing"
    assert alone.sentence.endswith(other[2:])


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["E: Version '1.0' for 'tree' was not found"], "Debian package tree 1.0 of the lock is"),
        (["E: Unable to locate package tree"], "Debian package tree 1.0 of the lock is no"),
        (["Error: No match for argument: bash-5.1"], "RPM package bash 5.1 of the lock is no"),
        ([f"{UNRESOLVED}following requirements:", "* acme.web:==2.0.0 (direct request)"],
         "Collection acme.web 2.0.0 of the lock is no"),
        (["ERROR: No matching distribution found for toml==0.10.2"],
         "Python package toml 0.10.2 of the lock is no"),
        (["E: Unable to locate package tree-common"], "A system package, or"),
        (["E: Version '2.0' for 'tree' was not found"], "A system package, or"),
        (["ERROR: No matching distribution found for bindep"], "A Python package, or"),
    ],
)  # fmt: skip
def test_what_a_lock_has_and_nobody_else_is_no_longer_to_be_had(
    lines: list[str], words: str
) -> None:
    packages = [("deb", "tree", "1.0"), ("rpm", "bash", "5.1"), ("collection", "acme.web", "2.0.0"),
                ("python", "toml", "0.10.2")]  # fmt: skip
    used = Lock("x", Base("b", "", ""), packages=tuple(
        {"kind": kind, "name": name, "version": version} for kind, name, version in packages
    ))  # fmt: skip
    failure = explain("exit status 1", lines, used)
    assert failure.sentence.startswith(words)
    assert (failure.code == "lock_gone") == ("of the lock" in words)
