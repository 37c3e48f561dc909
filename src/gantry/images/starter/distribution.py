"""Makes the base image of everything Gantry builds without a registry: the host's own distribution.

mmdebstrap fetches with the host's apt sources, proxies and keys; a hook takes them out of the image
again. Used by `images/starter` and, through its image, by the demo.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from gantry.base.errors import GantryError
from gantry.images.podman_cli import RECIPE_LABEL, Log, Podman, recipe_hash

BASE_IMAGE = "localhost/gantry/base:latest"
PACKAGES = (
    "ca-certificates", "git", "gpg", "openssh-client", "python3", "rsync", "sshpass", "subversion",
)  # fmt: skip
# Kept as .deb files in the base, so that images on top of it need no package mirror: the demo's.
SPARE = ("openssh-server", "sudo")
SPARE_DIR = "/var/cache/gantry"
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")
# Whatever says how this host reaches its mirrors; the rest of its apt settings is its own affair.
APT_SETTINGS = re.compile(r"^(Acquire::(?!GzipIndexes|Languages|CompressionTypes)\S+) (\".*\");$")
STEPS = {
    "running apt-get update...": "reading the package index",
    "downloading packages with apt...": "downloading packages",
    "installing essential packages...": "installing the essential packages",
    "installing remaining packages inside the chroot...": "installing the other packages",
    "creating tarball...": "packing",
}
MOVING_SUITES = ("stable", "oldstable", "testing", "unstable", "sid")


class CannotMakeBase(GantryError):
    """The distribution's packages could not be made into an image."""

    code = "base_image"


def base_recipe() -> str:
    release = os_release()
    here = [release.get(key, "") for key in ("ID", "VERSION_ID", "VERSION_CODENAME")]
    hook = "\n".join(_hooks())
    return recipe_hash(platform.machine(), *here, *PACKAGES, *SPARE, *LEFT_OUT, hook)


def os_release(text: str | None = None) -> dict[str, str]:
    if text is None:
        try:
            text = Path("/etc/os-release").read_text()
        except OSError:
            return {}
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key: value.strip("\"'") for key, _, value in pairs}


def build_base(podman: Podman, *, log: Log) -> str:
    """Have the base image in the engine; one line a step to `log`."""
    recipe = base_recipe()
    if podman.recipe_of(BASE_IMAGE) == recipe:
        log("base image: here already")
        return BASE_IMAGE
    release = os_release()
    codename = release.get("VERSION_CODENAME", "")
    if not codename or not Path("/etc/apt").is_dir():
        raise CannotMakeBase(
            "The starter image is made from the packages of Debian or Ubuntu, and this is neither.",
            cure="Use an execution environment from a registry instead.",
        )
    if not shutil.which("mmdebstrap"):
        sentence = "mmdebstrap, which makes an image from the distribution's packages, is missing."
        raise CannotMakeBase(sentence, cure="apt-get install -y mmdebstrap")
    log(f"base image: {release.get('PRETTY_NAME', codename)} with {', '.join(PACKAGES)}")
    with tempfile.TemporaryDirectory(prefix="gantry-base-") as folder:
        command = _mmdebstrap(Path(folder), release.get("ID", ""), codename)
        before = podman.image_id(BASE_IMAGE)
        _import(podman, command, recipe, log)
        podman.drop(before)
    return BASE_IMAGE


def _mmdebstrap(folder: Path, distribution: str, codename: str) -> list[str]:
    settings = folder / "apt.conf"
    settings.touch(mode=0o600)  # a proxy's password may be among them
    settings.write_text(apt_settings())
    sources = distribution_sources(source_files(), distribution, codename)
    paths = []
    for ending, text in sources.items():
        if text:
            path = folder / f"mirrors{ending}"
            path.touch(mode=0o600)
            path.write_text(text)
            paths.append(str(path))
    return [
        *("mmdebstrap", "--variant=apt", "--format=tar", f"--include={','.join(PACKAGES)}"),
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT),
        f"--aptopt={settings}",
        *(f"--customize-hook={hook}" for hook in _hooks()),
        *(codename, "-", *paths),
    ]


def _hooks() -> list[str]:
    """Shell lines that mmdebstrap runs outside of the new root, whose path is $1."""
    return [
        f'mkdir -p "$1{SPARE_DIR}/partial"',
        # Where sshd wants somebody to make its user, the small program does, not all of systemd.
        'export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"; small=systemd-standalone-sysusers;'
        " apt-cache show $small >/dev/null 2>&1 || small=;"
        f' apt-get --yes --no-install-recommends -o Dir::Cache::archives="$1{SPARE_DIR}"'
        f" --download-only install {' '.join(SPARE)} $small",
        f'rm -rf "$1{SPARE_DIR}/partial" "$1{SPARE_DIR}/lock"',
        # How this host reaches its mirrors is no business of whoever gets the image.
        'rm -f "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/*'
        ' "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/etc/apt/auth.conf "$1"/var/log/apt/*',
        ': >"$1"/etc/hostname; : >"$1"/etc/resolv.conf',
    ]


def apt_settings() -> str:
    done = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True)
    found = (APT_SETTINGS.match(line) for line in done.stdout.splitlines())
    lines = [f"{match[1]} {match[2]};" for match in found if match]
    for key, path in (("netrc", "/etc/apt/auth.conf"), ("netrcparts", "/etc/apt/auth.conf.d")):
        if Path(path).exists():
            lines.append(f'Dir::Etc::{key} "{path}";')
    return "\n".join(lines) + "\n"


def source_files() -> dict[str, str]:
    folder = Path("/etc/apt/sources.list.d")
    found = [Path("/etc/apt/sources.list"), *sorted(folder.glob("*"))]
    return {
        path.name: path.read_text()
        for path in found
        if path.suffix in (".list", ".sources") and path.is_file()
    }


def distribution_sources(
    files: Mapping[str, str], distribution: str, codename: str
) -> dict[str, str]:
    """Out of the host's apt sources those of its distribution, in apt's two notations.

    Other vendors' repositories stay out: they are nothing that every image should have. None at
    all: mmdebstrap knows the distribution's own mirrors.
    """
    suites = (codename, *(MOVING_SUITES if distribution == "debian" else ()))
    kept: dict[str, list[str]] = {".sources": [], ".list": []}
    for name, text in files.items():
        if name.endswith(".sources"):
            kept[".sources"] += _stanzas(text, suites)
        else:
            kept[".list"] += [line for line in text.splitlines() if _is_of(line, suites)]
    return {
        ".sources": "\n\n".join(kept[".sources"]) + "\n" if kept[".sources"] else "",
        ".list": "\n".join(kept[".list"]) + "\n" if kept[".list"] else "",
    }


def _named(suite: str, suites: Iterable[str]) -> bool:
    return suite.partition("-")[0].partition("/")[0] in suites


def _is_of(line: str, suites: Iterable[str]) -> bool:
    match = re.match(r"deb\s+(?:\[[^]]*\]\s+)?\S+\s+(\S+)\s+\S", line)
    return match is not None and _named(match[1], suites)


def _stanzas(text: str, suites: Iterable[str]) -> list[str]:
    kept = []
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", lines):
        fields = {
            key.lower(): " ".join(value.split())
            for key, value in re.findall(r"^(\S+):((?:.*)(?:\n[ \t].*)*)", stanza, re.MULTILINE)
        }
        wanted = [suite for suite in fields.get("suites", "").split() if _named(suite, suites)]
        off = fields.get("enabled", "yes").lower() in ("no", "false", "0", "off", "disable")
        if wanted and not off and "deb" in fields.get("types", "").split():
            fresh = _set_field(stanza, "Suites", " ".join(wanted))
            kept.append(_set_field(fresh, "Types", "deb").strip())
    return kept


def _set_field(stanza: str, name: str, value: str) -> str:
    field = re.compile(rf"^{name}:.*(?:\n[ \t].*)*", re.MULTILINE | re.IGNORECASE)
    return field.sub(f"{name}: {value}", stanza)


def _import(podman: Podman, command: list[str], recipe: str, log: Log) -> None:
    """Stream what mmdebstrap packs into podman's store: no archive lies on the disk between."""
    packing = subprocess.Popen(
        command,
        # Not /tmp: where that is in memory, it forbids the device files of a root file system.
        env={"TMPDIR": "/var/tmp"} | os.environ,  # noqa: S108
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert packing.stdout is not None
    assert packing.stderr is not None
    label = f"LABEL {RECIPE_LABEL}={recipe}"
    importing = subprocess.Popen(
        [podman.executable, "import", "--quiet", "--change", label, "-", BASE_IMAGE],
        env=podman.env,
        stdin=packing.stdout,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    packing.stdout.close()
    said: list[str] = []
    for raw in packing.stderr:
        line = raw.decode(errors="replace").rstrip()
        said = [*said[-40:], line]
        step = STEPS.get(line.removeprefix("I: "))
        if step:
            log(f"base image: {step}")
    refused = importing.communicate()[1]
    if packing.wait():
        podman.succeeds("image", "rm", "--force", BASE_IMAGE)  # of half an archive
        errors = [line for line in said if line.startswith(("E: ", "W: ", "Err:"))]
        raise CannotMakeBase(
            "mmdebstrap could not make the base image: " + " / ".join(errors or said[-8:]) + ".",
            cure="Check that `apt-get update` works on this machine; Gantry uses its sources.",
        )
    if importing.returncode:
        raise CannotMakeBase(f"podman could not take the base image: {refused.strip()}")
