"""How this machine reaches its package mirrors, as files for a build: never part of an image.

Taken: the CA bundle, proxies, pip's network settings, apt's sources and settings (of a machine of
the same distribution), and ansible-galaxy's servers. Whatever a definition's own commands run can
read them while it runs, so whoever may build sees them.
"""

from __future__ import annotations

import ast
import configparser
import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from gantry.base.errors import GantryError
from gantry.images.builder.containerfile import TARGET
from gantry.images.starter import distribution
from gantry.images.starter.wheels import pip_command

Files = dict[str, bytes]
PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT",
                "GIT_SSL_CAINFO")  # fmt: skip
CA_FILES = (
    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
)  # fmt: skip
PIP_SETTINGS = ("index-url", "extra-index-url", "find-links", "trusted-host", "proxy", "timeout",
                "default-timeout", "retries", "no-index")  # fmt: skip
_PIP_LINE = re.compile(r"(?P<section>[^.=]*)\.(?P<key>[\w-]+)=(?P<value>.*)", re.DOTALL)
_SIGNED_BY = re.compile(r"(?im)(signed-by\s*[:=]\s*)(/[^\s\]]+)")
_OTHER_APT = re.compile(r'^Dir::|^Acquire::(IndexTargets|Changelogs)|"/| "";$')
APT = f"{TARGET}/apt"
# A build that is ended early takes its context away, this file with it, but lets the step that
# runs go on: then this ends it. In a subshell's subshell, so that no `wait` waits for it.
WATCH = (
    f"( ( while [ -e {TARGET}/env ]; do sleep 1 || exit; done;"
    " while :; do kill -9 -1; done ) </dev/null >/dev/null 2>&1 & )"
)


def host_files(pip: Mapping[str, str], environ: Mapping[str, str] | None = None) -> Files:
    """Path below the mount -> content. `pip` is what `pip_settings` read."""
    environ = os.environ if environ is None else environ
    files: Files = {}
    if ca := ca_bundle(environ):
        files["ca.pem"] = ca.read_bytes()
    files["pip.conf"] = _pip_conf(pip).encode()
    files |= _apt_files("ca.pem" in files)
    files["env"] = _environment(environ, files).encode()
    return files


def ca_bundle(environ: Mapping[str, str] = os.environ) -> Path | None:
    named = [environ[name] for name in CA_VARIABLES if environ.get(name)]
    return next((Path(f) for f in (*named, *CA_FILES) if Path(f).is_file()), None)


def secrets(pip: Mapping[str, str], environ: Mapping[str, str] | None = None) -> Iterator[str]:
    """What of it must not be shown: passwords in addresses, tokens."""
    environ = os.environ if environ is None else environ
    addresses = [environ.get(n) or environ.get(n.upper()) or "" for n in PROXIES]
    addresses += " ".join(pip.values()).split()
    for address in addresses:
        password = urlsplit(address).password if "@" in address else None
        if password:
            yield from {password, unquote(password)}
    for name, value in galaxy_settings(environ).items():
        if name.endswith(("_TOKEN", "_PASSWORD")):
            yield value


# -- the environment of every RUN -----------------------------------------------------------------


def _environment(environ: Mapping[str, str], files: Files) -> str:
    """A piece of shell that every RUN begins with."""
    lines = [WATCH]
    if "ca.pem" in files:
        lines += [f"export {name}={TARGET}/ca.pem" for name in CA_VARIABLES]
    for name in PROXIES:
        value = environ.get(name) or environ.get(name.upper())
        if value:
            lines += [f"export {spelt}={shlex.quote(value)}" for spelt in (name, name.upper())]
    lines += [f"export PIP_CONFIG_FILE={TARGET}/pip.conf", "export PIP_ROOT_USER_ACTION=ignore"]
    lines += ["export PIP_DISABLE_PIP_VERSION_CHECK=1"]
    # Its own sources are an image's own affair.
    lines += [
        f"export APT_CONFIG={APT}/settings",
        'if [ ! -s /etc/apt/sources.list ] && [ -z "$(ls -A /etc/apt/sources.list.d 2>/dev/null)" ]'
        f" && [ -f {APT}/os ] && . /etc/os-release 2>/dev/null"
        f' && [ "$ID $VERSION_CODENAME" = "$(cat {APT}/os)" ]',
        f"then export APT_CONFIG={APT}/settings-and-sources; fi",
    ]
    servers = galaxy_settings(environ)
    if servers:
        lines.append(
            'if [ -z "$ANSIBLE_CONFIG" ] && [ ! -e /etc/ansible/ansible.cfg ] &&'
            " [ ! -e ./ansible.cfg ] && [ ! -e ~/.ansible.cfg ]; then"
        )
        lines += [f"export {name}={shlex.quote(value)}" for name, value in sorted(servers.items())]
        lines.append("fi")
    lines.append(f"if [ -f {TARGET}/constraints.txt ]; then")
    lines.append(f"export PIP_CONSTRAINT={TARGET}/constraints.txt; fi")
    return "\n".join(lines) + "\n"


# -- pip ------------------------------------------------------------------------------------------


def pip_settings() -> dict[str, str]:
    """pip's network settings on this machine; the environment beats files, as for pip."""
    done = subprocess.run(
        [*pip_command(), "config", "list"], stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    if done.returncode:
        raise GantryError(
            f"pip's settings cannot be read: {done.stderr.strip()[-500:]}",
            cure="See `pip config debug` on the controller's machine.", code="pip_settings",
        )  # fmt: skip
    return parse_pip_settings(done.stdout)


def parse_pip_settings(listed: str) -> dict[str, str]:
    found: dict[str, dict[str, str]] = {}
    for line in listed.splitlines():
        match = _PIP_LINE.fullmatch(line)
        if match and match["key"] in PIP_SETTINGS:
            value = str(ast.literal_eval(match["value"]))
            found.setdefault(match["section"], {})[match["key"]] = value
    merged: dict[str, str] = {}
    for section in ("global", "install", ":env:"):
        merged |= found.get(section, {})
    return {key: kept for key, value in merged.items() if (kept := _reachable(key, value))}


def _reachable(key: str, value: str) -> str:
    """Without folders of this machine: a build does not see them."""
    if key not in ("index-url", "extra-index-url", "find-links"):
        return value
    return " ".join(word for word in value.split() if re.match(r"https?://", word))


def _pip_conf(settings: Mapping[str, str]) -> str:
    lines = (f"{key} = {value}" for key, value in sorted(settings.items()))
    return "\n".join(["[global]", *lines]) + "\n"


# -- apt ------------------------------------------------------------------------------------------


def _apt_files(has_ca: bool) -> Files:
    """Nothing on a machine without apt."""
    release = distribution.os_release()
    settings = "".join(_apt_settings(has_ca))
    files: Files = {"apt/settings": settings.encode()}
    if not Path("/etc/apt").is_dir() or not release.get("VERSION_CODENAME"):
        return files
    identity, codename = release.get("ID", ""), release["VERSION_CODENAME"]
    sources = distribution.distribution_sources(distribution.source_files(), identity, codename)
    for ending, text in sources.items():
        if text:
            own, keys = _with_own_keys(text)
            files[f"apt/sources/gantry{ending}"] = own.encode()
            files |= keys
    if not any(sources.values()):
        return files
    settings += f'Dir::Etc::sourcelist "/dev/null";\nDir::Etc::sourceparts "{APT}/sources";\n'
    trusted = sorted(Path("/etc/apt/trusted.gpg.d").glob("*.*"))
    files |= {f"apt/trusted/{key.name}": key.read_bytes() for key in trusted if key.is_file()}
    if trusted:
        settings += f'Dir::Etc::trustedparts "{APT}/trusted";\n'
    if Path("/etc/apt/auth.conf").is_file():
        files["apt/auth.conf"] = Path("/etc/apt/auth.conf").read_bytes()
        settings += f'Dir::Etc::netrc "{APT}/auth.conf";\n'
    files["apt/settings-and-sources"] = settings.encode()
    files["apt/os"] = f"{identity} {codename}\n".encode()
    return files


def _apt_settings(has_ca: bool) -> Iterator[str]:
    if Path("/etc/apt").is_dir():
        for line in distribution.apt_settings().splitlines():
            # Files of this machine mean nothing there; the rest is no matter of reaching a mirror.
            if not _OTHER_APT.search(line):
                yield f"{line}\n"
    if has_ca:
        yield f'Acquire::https::CAInfo "{TARGET}/ca.pem";\n'


def _with_own_keys(sources: str) -> tuple[str, Files]:
    """Sources may be signed by a key that the image does not have."""
    keys: Files = {}

    def carry(match: re.Match[str]) -> str:
        path = Path(match[2])
        if not path.is_file():
            return match[0]
        keys[f"apt/keys/{path.name}"] = path.read_bytes()
        return f"{match[1]}{APT}/keys/{path.name}"

    return _SIGNED_BY.sub(carry, sources), keys


# -- ansible-galaxy -------------------------------------------------------------------------------


def galaxy_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """ansible-galaxy's servers as its environment variables; those that are set beat its file."""
    found: dict[str, str] = {}
    places = (environ.get("ANSIBLE_CONFIG", ""), "~/.ansible.cfg", "/etc/ansible/ansible.cfg")
    file = next((p for p in map(Path, map(os.path.expanduser, places)) if p.is_file()), None)
    if file is not None:
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        parser.read(file)
        for section in parser.sections():
            if section == "galaxy":
                keys = {"server": "SERVER", "server_list": "SERVER_LIST", "token": "TOKEN"}
                pairs = {k: v for k, v in keys.items() if parser.has_option(section, k)}
                found |= {f"ANSIBLE_GALAXY_{v}": parser[section][k] for k, v in pairs.items()}
            elif section.startswith("galaxy_server."):
                name = section.removeprefix("galaxy_server.").upper()
                for key, value in parser[section].items():
                    found[f"ANSIBLE_GALAXY_SERVER_{name}_{key.upper()}"] = value
    return found | {k: v for k, v in environ.items() if k.startswith("ANSIBLE_GALAXY_") and v}
