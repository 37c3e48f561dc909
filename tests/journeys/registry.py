"""A real container registry (docker-registry) on a loopback port, and images pushed to it."""

from __future__ import annotations

import http.client
import io
import json
import re
import socket
import ssl
import subprocess
import tarfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from gantry.images.podman_cli import Podman

USER, PASSWORD = "captain", "harbour light"
# bcrypt of PASSWORD: neither Python nor Debian has a tool at hand that makes one.
HTPASSWD = f"{USER}:$2y$05$abcdefghijklmnopqrstuuLWSzgjeIX11Z6RucSxQfbAKarrT8Co6\n"
MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
REQUEST = re.compile(r'"(GET|HEAD|PUT|POST|PATCH) (/v2/\S*) HTTP')


def free_port(address: str = "127.0.0.1") -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


@dataclass
class Registry:
    """docker-registry as a process. `tls` is a folder with server.pem and server.key."""

    home: Path
    tls: Path | None = None
    password: bool = False
    ca: str = ""

    def start(self) -> Registry:
        self.home.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        config = self.home / "config.json"  # JSON is YAML
        config.write_text(json.dumps(self._config()))
        self._log = (self.home / "access.log").open("wb")
        self._process = subprocess.Popen(
            ["docker-registry", "serve", str(config)], stdin=subprocess.DEVNULL,
            stdout=self._log, stderr=subprocess.STDOUT, cwd=self.home,
        )  # fmt: skip
        deadline = time.monotonic() + 20
        while not self._answers():
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)
        return self

    def _config(self) -> dict[str, Any]:
        http_part: dict[str, Any] = {"addr": self.address, "secret": "tests"}
        if self.tls:
            http_part["tls"] = {
                "certificate": str(self.tls / "server.pem"), "key": str(self.tls / "server.key"),
            }  # fmt: skip
        config: dict[str, Any] = {
            "version": "0.1",
            "log": {"level": "warn", "accesslog": {"disabled": False}},
            "storage": {"filesystem": {"rootdirectory": str(self.home / "storage")}},
            "http": http_part,
        }
        if self.password:
            (self.home / "htpasswd").write_text(HTPASSWD)
            config["auth"] = {"htpasswd": {"realm": "tests", "path": str(self.home / "htpasswd")}}
        return config

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=10)
        self._log.close()

    def log(self) -> str:
        return (self.home / "access.log").read_text(errors="replace")

    def fetched(self, kind: str, repository: str) -> list[str]:
        """The paths of GETs of `manifests` or `blobs` of a repository, as the registry logged."""
        wanted = f"/v2/{repository}/{kind}/"
        found = REQUEST.findall(self.log())
        return [path for method, path in found if method == "GET" and path.startswith(wanted)]

    def image(self, name: str) -> str:
        return f"{self.address}/{name}"

    def digest(self, repository: str, tag: str) -> str:
        """What the registry itself says is the manifest's digest."""
        if self.tls:
            context = ssl.create_default_context(cadata=self.ca)
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                self.address, context=context
            )
        else:
            connection = http.client.HTTPConnection(self.address)
        connection.request(
            "HEAD", f"/v2/{repository}/manifests/{tag}", headers={"Accept": ", ".join(MANIFESTS)}
        )
        answer = connection.getresponse()
        assert answer.status == 200, answer.status
        return str(answer.headers["Docker-Content-Digest"])


@dataclass
class Images:
    """Makes small images on the machine's engine, pushes them and forgets them here."""

    podman: Podman
    home: Path
    registries: set[str] = field(default_factory=set)

    def push(self, registry: Registry, name: str, *, size: int = 2000, seed: object = "") -> str:
        """An image of one file of random bytes, in the registry only. Returns its reference."""
        reference = registry.image(name)
        archive = self.home / f"layer-{name.replace('/', '-').replace(':', '-')}.tar"
        with tarfile.open(archive, "w") as layer:
            member = tarfile.TarInfo("cargo")
            member.size = size
            layer.addfile(member, io.BytesIO(Random(f"{name} {seed}").randbytes(size)))
        self.podman.run("import", str(archive), reference)
        archive.unlink()
        self.send(reference, registry)
        return reference

    def send(self, reference: str, registry: Registry) -> None:
        self.registries.add(registry.address)
        login = ["--creds", f"{USER}:{PASSWORD}"] if registry.password else []
        self.podman.run("push", "--tls-verify=false", *login, reference)
        self.forget(reference)

    def forget(self, reference: str) -> None:
        self.podman.succeeds("image", "rm", reference)

    def forget_all(self) -> None:
        """What jobs pulled from these registries."""
        rows = self.podman.run("images", "--format={{.Repository}} {{.Tag}} {{.ID}}").splitlines()
        for repository, tag, identity in (row.split() for row in rows):
            if repository.partition("/")[0] in self.registries:
                # By name, and without force: an image of others may have this name besides its own.
                name = identity if tag == "<none>" else f"{repository}:{tag}"
                self.podman.succeeds("image", "rm", name)


class SlowProxy:
    """TCP in front of a registry that lets bytes trickle until `hurry` is called."""

    PIECE, PAUSE = 32 << 10, 0.1

    def __init__(self, target: int) -> None:
        self._target = target
        self._hurry = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def hurry(self) -> None:
        self._hurry.set()

    def close(self) -> None:
        self._hurry.set()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            for source, sink, slow in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._carry, args=(source, sink, slow), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, slow: bool) -> None:
        try:
            while data := source.recv(self.PIECE):
                sink.sendall(data)
                if slow and len(data) > 4096:
                    self._hurry.wait(self.PAUSE)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # one side hung up; the other hears it from its own socket
