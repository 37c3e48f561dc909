"""Runs what the demo's job talks to: a Git server, two nodes, a cloud, each a container.

Called by `cli/demo/run.py`, scripts and tests, over podman's command line: these are no job pods.
Everything has the label gantry.demo=1, and `stop` removes it all.
"""

from __future__ import annotations

import ipaddress
import json
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gantry.base.engine_probe import EngineSetup
from gantry.base.errors import EngineError
from gantry.cli.demo import keys
from gantry.cli.demo.images import CLOUD_IMAGE, NODE_IMAGE
from gantry.images.podman_cli import RECIPE_LABEL, Podman, recipe_hash

LABEL = "gantry.demo=1"
NETWORK = "gantry-demo"
GIT, CLOUD = "gantry-demo-git", "gantry-demo-cloud"
NODES = ("gantry-demo-node1", "gantry-demo-node2")
# Places in the network, so that an inventory made once stays right.
PLACES = {GIT: 10, NODES[0]: 11, NODES[1]: 12, CLOUD: 13}
PORTS = {GIT: 22, NODES[0]: 22, NODES[1]: 22, CLOUD: 443}
PLAYBOOKS = Path(__file__).parent / "playbooks"
WAIT_FOR_PORT = """
import socket, sys, time
end = time.monotonic() + 30
while True:
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1).close()
        break
    except OSError:
        if time.monotonic() > end:
            sys.exit("nothing listens on port " + sys.argv[1])
        time.sleep(0.05)
"""


@dataclass(frozen=True)
class DemoNode:
    name: str
    address: str


@dataclass(frozen=True)
class DemoFacts:
    """All that Gantry must be told to run a job in the demo's world."""

    network: str  # a rootless podman's pods must be in it; others reach it from anywhere
    git_url: str
    git_branch: str
    nodes: tuple[DemoNode, ...]
    node_user: str  # may become root without a password; root itself takes the same key
    cloud_url: str
    ca_pem: str
    aws_access_key: str
    git_private_key: str = field(repr=False)
    node_private_key: str = field(repr=False)
    aws_secret_key: str = field(repr=False)


@dataclass(frozen=True)
class Service:
    """One container as it should be."""

    name: str
    image: str
    options: tuple[str, ...]
    recipe: str


class DemoWorld:
    """The demo's containers and the directory that keeps their keys."""

    def __init__(self, engine: EngineSetup, state_dir: Path) -> None:
        self.state = state_dir.resolve()
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.state.chmod(0o700)
        self.podman = Podman.of(engine, self.state)

    def ensure(self) -> DemoFacts:
        """Have everything run and answer; what already does is left alone."""
        network = self._network()
        addresses = {name: str(network[place]) for name, place in PLACES.items()}
        facts = self._facts(addresses)
        running = self._running()
        services = [self._service(name, addresses[name]) for name in PLACES]
        fresh = [service for service in services if running.get(service.name) != service.recipe]
        held = self._images()
        for service in fresh:
            self._start(service, addresses[service.name])
        with ThreadPoolExecutor(len(PLACES)) as pool:
            list(pool.map(self._await, PLACES))
        self.sweep(held - self._images())
        return facts

    def sweep(self, images: set[str]) -> None:
        """Remove those of these images that have no name: a build has replaced them. No others,
        since a build that runs just now has images without a name too."""
        for image in images:
            names = ("image", "inspect", "--format", "{{len .RepoTags}}", image)
            if self.podman.succeeds("image", "exists", image) and self.podman.run(*names) == "0":
                self.podman.succeeds("image", "rm", image)

    def _images(self) -> set[str]:
        """What our containers stand on."""
        listed = ("ps", "--all", "--filter", f"label={LABEL}", "--format", "{{.ImageID}}")
        return set(self.podman.run(*listed).split())

    def stop(self) -> None:
        """Remove the containers and their network; the keys stay for the next time."""
        listed = self.podman.run("ps", "--all", "--quiet", "--filter", f"label={LABEL}")
        if listed:
            remove_containers(self.podman, listed.split())
        if self.podman.succeeds("network", "exists", NETWORK):
            self.podman.run("network", "rm", NETWORK)

    def _network(self) -> ipaddress.IPv4Network:
        if not self.podman.succeeds("network", "exists", NETWORK):
            self.podman.run("network", "create", "--label", LABEL, NETWORK)
        [described] = json.loads(self.podman.run("network", "inspect", NETWORK))
        return ipaddress.IPv4Network(described["subnets"][0]["subnet"])

    def _facts(self, addresses: dict[str, str]) -> DemoFacts:
        for name in (GIT, "nodes"):
            keys.ssh_key(self.state / name)
        for name in (GIT, *NODES):
            self._folder(name)
            keys.ssh_key(self._folder(name) / "host_key")
        cloud = self._folder(CLOUD)
        ca_pem = keys.server_certificate(self.state, cloud, CLOUD, addresses[CLOUD])
        return DemoFacts(
            network=NETWORK,
            git_url=f"ssh://git@{addresses[GIT]}/srv/git/demo.git",
            git_branch="main",
            git_private_key=(self.state / GIT).read_text(),
            nodes=tuple(
                DemoNode(name.removeprefix("gantry-demo-"), addresses[name]) for name in NODES
            ),
            node_user="deploy",
            node_private_key=(self.state / "nodes").read_text(),
            cloud_url=f"https://{addresses[CLOUD]}",
            ca_pem=ca_pem,
            # What AWS's own documents use; moto takes any, but their form must be right.
            aws_access_key="AKIAIOSFODNN7EXAMPLE",
            aws_secret_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",  # noqa: S106
        )

    def _folder(self, name: str) -> Path:
        folder = self.state / f"{name}.d"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def _service(self, name: str, address: str) -> Service:
        folder = self._folder(name)
        if name == CLOUD:
            image, options = CLOUD_IMAGE, [f"--volume={folder}:/etc/demo:ro"]
        else:
            image, users, key = NODE_IMAGE, "root deploy", self.state / "nodes"
            options = [f"--volume={folder}:/etc/ssh/demo:ro"]
            if name == GIT:
                users, key = "git", self.state / GIT
                options.append(f"--volume={PLAYBOOKS}:/seed:ro")
            options += ["--env", f"DEMO_USERS={users}", "--env", f"DEMO_KEY={keys.ssh_key(key)}"]
        parts = [address, image, self.podman.recipe_of(image), *options]
        parts += [file.name + file.read_text() for file in _files(folder)]
        if name == GIT:
            parts += [file.name + file.read_text() for file in _files(PLAYBOOKS)]
        return Service(name, image, tuple(options), recipe_hash(*parts))

    def _running(self) -> dict[str, str]:
        """Name -> recipe of each container of ours that runs."""
        listed: Sequence[dict[str, Any]] = json.loads(
            self.podman.run("ps", "--filter", f"label={LABEL}", "--format", "json") or "[]"
        )
        return {row["Names"][0]: row["Labels"].get(RECIPE_LABEL, "") for row in listed}

    def _start(self, service: Service, address: str) -> None:
        self.podman.run(
            *("run", "--detach", "--replace", "--name", service.name, "--hostname", service.name),
            *("--label", LABEL, "--label", f"{RECIPE_LABEL}={service.recipe}", "--pull=never"),
            *("--network", NETWORK, "--ip", address, *service.options, service.image),
        )

    def _await(self, name: str) -> None:
        """Asked from within: a rootless podman's networks cannot be reached from the host."""
        try:
            self.podman.run("exec", name, "python3", "-Ic", WAIT_FOR_PORT, str(PORTS[name]))
        except EngineError as error:
            said = self.podman.run("logs", "--tail=20", name)
            sentence = f"The demo's container {name} does not answer: {error.sentence} {said}"
            raise EngineError(sentence, cure=f"podman logs {name}") from error


def remove_containers(podman: Podman, names: list[str]) -> None:
    """Kill and remove. podman 4.3 fails on a container that ends while it is being killed."""
    arguments = ("rm", "--force", "--time=0", "--volumes", "--ignore", *names)
    if not podman.succeeds(*arguments):
        podman.run(*arguments)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def forget_keys(state_dir: Path) -> None:
    """Remove the directory with the demo's keys, after `stop`."""
    shutil.rmtree(state_dir, ignore_errors=True)
