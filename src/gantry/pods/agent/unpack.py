"""The payload into the pod's memory: project tree, CA bundle, files, and keys into an ssh-agent.

Raises whatever goes wrong; `job.py` tells it to the controller in the words of the exception.
"""

from __future__ import annotations

import binascii
import io
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .wire import Bundle, Head

SYSTEM_CAS = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",
)
PATIENCE = 20  # seconds for ssh-agent and ssh-add


def unpack(head: Head, blobs: list[bytes]) -> None:
    os.umask(0o077)
    for directory in head["directories"]:
        os.makedirs(directory, mode=0o700, exist_ok=True)
    facts = head.get("facts")
    if facts:
        os.makedirs(facts["to"], mode=0o700, exist_ok=True)
    if facts and facts["pieces"]:
        _extract(facts["to"], blobs[: facts["pieces"]])
        del blobs[: facts["pieces"]]
    if blobs:
        _extract(head["tree"], blobs)
    bundle = head.get("ca_bundle")
    if bundle:
        merge_certificates(bundle)
    for path, (mode, content) in head["files"].items():
        _write(path, mode, binascii.a2b_base64(content))


class Pieces(io.RawIOBase):
    """The tree as a file that is read once; each piece leaves memory when it has been read."""

    def __init__(self, blobs: list[bytes]) -> None:
        self._blobs = blobs
        self._blobs.reverse()
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest and self._blobs:
            self._rest = memoryview(self._blobs.pop())
        taken = self._rest[: len(buffer)]
        buffer[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)


def _extract(where: str, blobs: list[bytes]) -> None:
    import tarfile

    with tarfile.open(fileobj=io.BufferedReader(Pieces(blobs), 1 << 20), mode="r|*") as tree:
        if hasattr(tarfile, "fully_trusted_filter"):
            # Made by Gantry from one checkout; what it may do is the pod's business.
            tree.extractall(where, filter="fully_trusted")
        else:
            tree.extractall(where)


def merge_certificates(bundle: Bundle) -> None:
    """The organization's CAs after the image's own, in the one file all tools are shown."""
    own = b""
    for path in SYSTEM_CAS:
        if os.path.isfile(path):
            with open(path, "rb") as file:
                own = file.read().rstrip(b"\n") + b"\n"
            break
    _write(bundle["path"], 0o600, own + bundle["extra"].strip().encode() + b"\n")


def _write(path: str, mode: int, content: bytes) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
    os.chmod(path, mode)


def lend_keys(head: Head, home: str) -> list[str]:
    """Give the ssh keys to an ssh-agent of the pod, to files where the image has none. Returns
    the arguments of the program; its environment in `head` learns the agent's socket."""
    argv = list(head["argv"])
    signed = [_signed_key(pair, f"{home}/env/signed_key_{n}") for n, pair in _numbered(head)]
    if not head["ssh_keys"] and not signed:
        return argv
    try:
        sock = home + "/.gantry/ssh-agent.sock"
        os.makedirs(os.path.dirname(sock), exist_ok=True)
        _run(["ssh-agent", "-a", sock], dict(os.environ))
        env = dict(os.environ, SSH_AUTH_SOCK=sock)
        for key in head["ssh_keys"]:
            _run(["ssh-add", "-q", "-"], env, key.rstrip("\n") + "\n")
        for path in signed:
            _run(["ssh-add", "-q", path], env, "\n")
        head["env"]["SSH_AUTH_SOCK"] = sock
    except FileNotFoundError:
        for number, key in enumerate(head["ssh_keys"]):
            path = f"{home}/env/ssh_key_{number}"
            _write(path, 0o600, key.rstrip("\n").encode() + b"\n")
            # A sync's program is not ansible: access.py finds the files by their name.
            if os.path.basename(argv[0]).startswith("ansible"):
                argv[1:1] = ["--private-key", path]
        if signed and os.path.basename(argv[0]).startswith("ansible"):
            argv[1:1] = ["--private-key", signed[0]]
    return argv


def _numbered(head: Head) -> enumerate[list[str]]:
    return enumerate(head.get("signed_keys", []))


def _signed_key(pair: list[str], path: str) -> str:
    """A key and its certificate, which ssh-add and ssh look for beside it. Erased with `env`."""
    key, certificate = pair
    _write(path, 0o600, key.rstrip("\n").encode() + b"\n")
    _write(path + "-cert.pub", 0o600, certificate.strip().encode() + b"\n")
    return path


def _run(argv: list[str], env: dict[str, str], text: str = "") -> None:
    import subprocess

    # Its stderr is not captured for the ssh-agent: the daemon would hold the pipe open.
    done = subprocess.run(
        argv, input=text.encode(), env=env, timeout=PATIENCE, check=False,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE if text else subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode:
        words = (done.stderr or b"").decode("utf-8", "replace").strip()
        raise OSError(f"{argv[0]} ended with {done.returncode}. {words}")
