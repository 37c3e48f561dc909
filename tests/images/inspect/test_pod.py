"""Looking into images on a real engine: whole ones, damaged ones, hostile ones."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest

from gantry.images.inspect import pod
from gantry.images.inspect.contents import Contents, Package
from tests.images.inspect.conftest import BASE, STARTER, Build, Look

COLLECTIONS = "/usr/share/ansible/collections/ansible_collections"
LIBRARY = "/usr/local/lib/python3.*/dist-packages"


def named(found: Contents, kind: str, name: str) -> list[Package]:
    return [p for p in found.packages if p["kind"] == kind and p["name"] == name]


def manifest(version: str) -> str:
    return json.dumps({"collection_info": {"version": version, "license": ["MIT"]}})


async def test_the_starter_ee(look_into: Look) -> None:
    found = await look_into(STARTER)

    assert (found.error, found.unknown) == ("", [])
    (core,) = named(found, "python", "ansible-core")
    assert found.ansible_core == core["version"]
    assert core["licence"].startswith("GNU General Public License v3")
    assert found.python.startswith("3.")
    assert found.distribution
    names = {p["name"] for p in found.packages if p["kind"] == "collection"}
    assert names == {"amazon.aws", "ansible.posix", "community.general"}
    (posix,) = named(found, "collection", "ansible.posix")
    assert posix["path"] == f"{COLLECTIONS}/ansible/posix"
    assert len(posix["manifest_sha256"]) == 64
    assert posix["requires_ansible"].startswith(">=")
    (libc,) = named(found, "deb", "libc6")
    assert libc["version"]
    assert libc["arch"]
    assert (found.user, found.command, found.entrypoint) == ("1000:0", ["/bin/bash"], [])
    assert found.labels["org.opencontainers.image.title"].startswith("Gantry starter")
    assert found.size > 100 << 20
    assert len(found.layers) == 2
    assert found.digest.startswith("sha256:")
    order = [("collection", "python", "deb").index(p["kind"]) for p in found.packages]
    assert order == sorted(order)


async def test_an_image_without_ansible_says_so(look_into: Look) -> None:
    found = await look_into(BASE)

    assert (found.error, found.ansible_core) == ("", "")
    assert found.unknown == ["ansible-core was not found in any Python of the image."]
    assert named(found, "deb", "libc6")


async def test_of_a_damaged_image_each_thing_that_is_not_known_is_one_sentence(
    look_into: Look, build: Build
) -> None:
    image = build(
        "damaged",
        f"FROM {STARTER}\nUSER 0\nCOPY broken good /tmp/\nRUN"
        f" rm {LIBRARY}/jinja2-*.dist-info/METADATA"
        f" && cp /tmp/broken {COLLECTIONS}/ansible/posix/MANIFEST.json"
        f" && rm {COLLECTIONS}/community/general/MANIFEST.json"
        f" && echo 'version: 0.0.1-dev' >{COLLECTIONS}/community/general/galaxy.yml"
        " && mkdir -p /runner/.ansible/collections/ansible_collections/amazon/aws"
        " && cp /tmp/good /runner/.ansible/collections/ansible_collections/amazon/aws/MANIFEST.json"
        " && rm -f /var/lib/dpkg/status* /etc/os-release /usr/lib/os-release"
        " && mkdir -p /var/lib/rpm && cp /tmp/broken /var/lib/rpm/rpmdb.sqlite\n",
        broken='{"collection_info": {"version',
        good=manifest("1.0.0"),
    )

    found = await look_into(image)

    assert found.error == ""
    assert found.ansible_core
    told = "\n".join(found.unknown)
    assert "distribution is not known" in told
    assert "jinja2" in told
    assert "ansible.posix" in told
    assert "/var/lib/rpm/rpmdb.sqlite could not be read" in told
    assert "System packages are not known" in told
    assert len(found.unknown) == 5
    assert [p["version"] for p in named(found, "python", "jinja2")] == ["3.1.6"]
    assert [p["version"] for p in named(found, "collection", "ansible.posix")] == [""]
    assert [p["version"] for p in named(found, "collection", "community.general")] == ["0.0.1-dev"]
    runs, other = sorted(named(found, "collection", "amazon.aws"), key=lambda p: "shadowed" in p)
    assert runs["version"] == "1.0.0"
    assert runs["licence"] == "MIT"
    assert runs["manifest_sha256"] == hashlib.sha256(manifest("1.0.0").encode()).hexdigest()
    assert other["shadowed"] is True


async def test_without_python3_the_engine_tells_its_part(look_into: Look, build: Build) -> None:
    image = build("static", "FROM scratch\nCOPY tool /tool\nLABEL a=b\nENTRYPOINT [\"/tool\"]\n",
                  tool=b"\x7fELF static")  # fmt: skip

    found = await look_into(image)

    assert found.error == "There is no python3 in the image to look around with."
    assert "python3" in found.cure
    assert found.entrypoint == ["/tool"]
    assert found.labels["a"] == "b"
    assert found.size > 0
    assert found.packages == []


async def test_rpm_packages_without_an_rpm_command(look_into: Look, build: Build) -> None:
    database = gzip.decompress(Path(__file__).with_name("rpmdb.sqlite.gz").read_bytes())
    image = build(
        "rpm-database",
        f"FROM {BASE}\nCOPY database /usr/lib/sysimage/rpm/rpmdb.sqlite\n"
        "RUN rm -f /var/lib/dpkg/status*\n",
        database=database,
    )

    found = await look_into(image)

    assert [p for p in found.packages if p["kind"] == "rpm"] == [
        {"kind": "rpm", "name": "plain", "version": "0.9-1", "arch": "noarch",
         "licence": "Apache-2.0"},
        {"kind": "rpm", "name": "tiny-tool", "version": "2:1.4.0-3.el9", "arch": "noarch",
         "licence": "MIT"},
    ]  # fmt: skip
    assert found.unknown == ["ansible-core was not found in any Python of the image."]


RPM = r"""#!/bin/sh
test "$*" = "--dbpath /var/lib/rpm -qa --qf $(sed -n 's/^#qf //p' $0)" || exit 9
#qf %{NAME}\t%{EPOCHNUM}\t%{VERSION}\t%{RELEASE}\t%{ARCH}\t%{LICENSE}\n
printf 'gpg-pubkey\t0\tfd431d51\t4ae0493b\t(none)\tpubkey\n'
printf 'bash\t0\t5.1.8\t9.el9\tx86_64\tGPLv3+\n'
printf 'openssl-libs\t1\t3.2.2\t6.el9_5\tx86_64\tASL 2.0\n'
"""


async def test_rpm_is_asked_and_the_python_that_ansible_runs_with_comes_first(
    look_into: Look, build: Build
) -> None:
    """The layout of Red Hat's EEs. rpm itself is recorded: no Debian has a database of Berkeley
    DB to ask."""
    site = "/opt/venv/lib/$(basename $(readlink -f /usr/bin/python3))/site-packages"
    image = build(
        "red-hat",
        f"FROM {STARTER}\nUSER 0\nCOPY rpm /usr/bin/rpm\nCOPY playbook /usr/local/bin/\n"
        f"RUN mkdir -p /opt/venv/bin {site}/ansible_core-9.9.9.dist-info /var/lib/rpm"
        f" && printf 'Name: ansible-core\\nVersion: 9.9.9\\n\\nText\\nVersion: 1\\n'"
        f" >{site}/ansible_core-9.9.9.dist-info/METADATA"
        f" && mkdir {site}/ansible_runner-2.4.1.egg-info"
        f" && printf 'Name: ansible_runner\\nVersion: 2.4.1\\nLicense: UNKNOWN\\n'"
        f" >{site}/ansible_runner-2.4.1.egg-info/PKG-INFO"
        " && echo 'home = /usr/bin' >/opt/venv/pyvenv.cfg"
        " && ln -s /usr/bin/python3 /opt/venv/bin/python3"
        " && mv /usr/local/bin/playbook /usr/local/bin/ansible-playbook"
        " && : >/var/lib/rpm/Packages && rm -f /var/lib/dpkg/status*\n",
        rpm=RPM,
        playbook="#!/opt/venv/bin/python3\n",
    )

    found = await look_into(image)

    assert (found.error, found.unknown) == ("", [])
    assert (found.ansible_core, found.ansible_runner) == ("9.9.9", "2.4.1")
    assert {p["version"] for p in named(found, "python", "ansible-core")} > {"9.9.9"}
    rpms = [(p["name"], p["version"]) for p in found.packages if p["kind"] == "rpm"]
    assert rpms == [("bash", "5.1.8-9.el9"), ("openssl-libs", "1:3.2.2-6.el9_5")]


@pytest.mark.parametrize(
    ("name", "program", "sentence"),
    [
        ("endless", "exec yes", "printed more than 8 MiB"),
        ("silent", "exec sleep 600", "gave no answer in 3 s"),
        ("deep", r"printf '\ngantry-contents:'; yes [ | head -c 4000000", "no JSON"),
        ("other", r"printf '\ngantry-contents:[1]\n'", "no JSON object"),
        ("nothing", "exit 0", "printed something else"),
        ("failing", r"printf '\033[2Joh no' >&2; exit 7", "exit code 7"),
        ("greedy", "exec /usr/bin/python3 -c 'len(bytes(3<<30).replace(b\"\\0\", b\"a\"))'",
         "could not look around"),
    ],
)  # fmt: skip
async def test_a_python3_that_means_ill_is_ended_and_told_of(
    look_into: Look, build: Build, monkeypatch: pytest.MonkeyPatch,
    name: str, program: str, sentence: str,
) -> None:  # fmt: skip
    image = build(
        name,
        f"FROM {BASE}\nCOPY python3 /usr/local/bin/python3\n",
        python3=f"#!/bin/sh\n{program}\n",
    )
    monkeypatch.setattr(pod, "TIME", 3.0 if name == "silent" else 60.0)

    found = await look_into(image)

    assert sentence in found.error
    assert "\x1b" not in found.error
    assert found.cure
    assert found.packages == []
    assert found.size > 0
