"""Fetches Python packages and collections for an image with the host's own pip.

pip runs on the host so that its index, proxy and certificate settings (files and PIP_* alike) hold
without a copy of them in the image. Used by `images/starter` and the demo's images.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from gantry.base.errors import GantryError
from gantry.images.podman_cli import Podman

# The interpreter that an image of the host's own distribution has too.
DISTRIBUTION_PYTHON = "/usr/bin/python3"
NOT_NEEDED = frozenset({"tests", "docs", "changelogs", ".github", ".azure-pipelines"})


class PackagesUnreachable(GantryError):
    """pip could not fetch what an image is made of."""

    code = "packages_unreachable"
    retry = True


def pip_target() -> list[str] | None:
    """pip's arguments to fetch for the distribution's Python; None when the host lacks it."""
    if not Path(DISTRIBUTION_PYTHON).exists():
        return None
    return ["--python", DISTRIBUTION_PYTHON]


def pip_target_of(podman: Podman, image: str) -> list[str]:
    """The same for the Python in `image`, when only a look into it can tell which that is."""
    program = "import sys; print('%d.%d' % sys.version_info[:2])"
    version = podman.run("run", "--rm", "--network=none", image, "python3", "-c", program)
    return ["--python-version", version]


def download(wanted: Sequence[str], into: Path, target: list[str]) -> None:
    """Download wheels of `wanted` (pip's words) and all they need."""
    # `--python` goes before pip's command, `--python-version` after it.
    before, after = (target, []) if target[0] == "--python" else ([], target)
    command = [*pip_command(), *before, "download", *after, "--quiet", "--only-binary=:all:"]
    done = subprocess.run(
        [*command, "--dest", str(into), *wanted],
        env=os.environ | {"PIP_NO_INPUT": "1", "PIP_REQUIRE_VIRTUALENV": "0"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        said = " ".join(errors) or done.stderr.strip()[-500:]
        raise PackagesUnreachable(
            f"pip could not fetch the packages of an image: {said}",
            cure="Check pip's settings with `pip config debug`; Gantry goes by the same.",
        )


def pip_command() -> list[str]:
    """A virtual environment made by another tool than venv may have no pip of its own."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    elsewhere = shutil.which("pip3") or shutil.which("pip")
    if elsewhere:
        return [elsewhere]
    raise PackagesUnreachable(
        "pip is not installed, and Gantry fetches an image's packages with it.",
        cure=f"{sys.executable} -m ensurepip, or apt-get install -y python3-pip",
    )


def fetch_collections(names: Iterable[str], into: Path, target: list[str]) -> None:
    """Unpack these collections out of the `ansible` package: Galaxy is not needed."""
    with tempfile.TemporaryDirectory(prefix="gantry-ansible-", dir=into.parent) as folder:
        download(["--no-deps", "ansible"], Path(folder), target)
        [wheel] = Path(folder).glob("ansible-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            wanted = tuple("ansible_collections/" + n.replace(".", "/") + "/" for n in names)
            members = [
                name
                for name in archive.namelist()
                if name.startswith(wanted) and not NOT_NEEDED & set(name.split("/")[3:])
            ]
            archive.extractall(into, members)
