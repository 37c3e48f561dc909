"""A managed node for tests: a container with sshd that takes keys and passwords, and serves Git."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from gantry.cli.demo.images import NODE_IMAGE
from gantry.images.podman_cli import Podman
from tests.journeys.git_server import host_address
from tests.journeys.registry import free_port

LABEL = "gantry.test=1"
START = """
set -eu
mkdir -p /etc/ssh/demo /srv/git
ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/demo/host_key
sed -i 's/^PasswordAuthentication no/PasswordAuthentication yes/' /etc/ssh/sshd_config.d/demo.conf
useradd --create-home --shell /bin/bash ops
echo "ops:$OPS_PASSWORD" | chpasswd
echo 'ops ALL=(ALL) ALL' >/etc/sudoers.d/ops
chmod 0440 /etc/sudoers.d/ops
exec /usr/local/sbin/demo-node
"""
OPS_PASSWORD = "Ops-Pa55word: of ops"  # logs in over SSH and is sudo's too


def ssh_key(passphrase: str = "") -> tuple[str, str]:
    """A private and a public key."""
    key = ed25519.Ed25519PrivateKey.generate()
    lock = (
        serialization.BestAvailableEncryption(passphrase.encode())
        if passphrase
        else serialization.NoEncryption()
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, lock
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    return private.decode(), public.decode()


@dataclass
class Node:
    """`public_key` may log in as deploy, ops and git; ops by OPS_PASSWORD too, which sudo asks."""

    podman: Podman
    public_key: str
    name: str

    def start(self) -> Node:
        self.address, self.port = host_address(), free_port(host_address())
        self.podman.run(
            *("run", "--detach", "--rm", "--name", self.name, "--label", LABEL, "--pull=never"),
            *("--publish", f"{self.address}:{self.port}:22"),
            *("--env", "DEMO_USERS=deploy ops git", "--env", f"DEMO_KEY={self.public_key}"),
            *("--env", f"OPS_PASSWORD={OPS_PASSWORD}", NODE_IMAGE, "sh", "-c", START),
        )
        probe = "import socket,time\nfor n in range(300):\n try:\n  socket.create_connection((" \
                "'127.0.0.1',22),1).close(); break\n except OSError: time.sleep(.1)"  # fmt: skip
        self.podman.run("exec", self.name, "python3", "-Ic", probe)
        return self

    def trust(self, authority: str) -> None:
        """Let in whoever has a certificate of this authority for their name."""
        told = "TrustedUserCAKeys /etc/ssh/demo/authority.pub"
        self.podman.run(
            *("exec", self.name, "sh", "-c"),
            f"echo '{authority}' >/etc/ssh/demo/authority.pub && "
            f"echo '{told}' >>/etc/ssh/sshd_config.d/demo.conf && kill -HUP 1",
        )

    def stop(self) -> None:
        self.podman.succeeds("rm", "--force", "--time=0", self.name)

    def serve(self, bare: Path) -> str:
        """Copy a bare repository there; returns its SSH URL."""
        self.podman.run("cp", str(bare), f"{self.name}:/srv/git/{bare.name}")
        self.podman.run("exec", self.name, "chown", "-R", "git:git", "/srv/git")
        return f"ssh://git@{self.address}:{self.port}/srv/git/{bare.name}"

    def variables(self, **more: str) -> str:
        """Of a host in an inventory that is this node."""
        return json.dumps({"ansible_host": self.address, "ansible_port": self.port, **more})
