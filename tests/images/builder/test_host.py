"""How this machine reaches its mirrors, as far as a build may know."""

from __future__ import annotations

from pathlib import Path

import pytest

from gantry.images.builder import host
from gantry.images.builder.failure import explain
from gantry.images.builder.index import Index, IndexUnreachable

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
        ("ERROR: Failed to resolve the requested dependencies map. Could not satisfy the "
         "following requirements:", "collection_conflict"),
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
