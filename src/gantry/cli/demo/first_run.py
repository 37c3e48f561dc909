"""What a demo decides on its first run and keeps: which EE, which port, which network for pods.

Called by scripts/demo before `gantry up`; needs no database.
"""

from __future__ import annotations

import os
import socket
import urllib.error
import urllib.request
from pathlib import Path

import click

from gantry.base.config import settings
from gantry.base.errors import ConfigurationError
from gantry.cli.demo.world import NETWORK
from gantry.images.starter import STARTER_IMAGE

AWX_EE = "quay.io/ansible/awx-ee:latest"
PORTS = range(8043, 8143)


def choose_settings(path: Path) -> None:
    """Write the settings file that scripts/demo hands to all of Gantry's processes."""
    image = AWX_EE if registry_answers("https://quay.io/v2/") else STARTER_IMAGE
    chosen = {
        "control_plane_image": f'"{image}"',
        "global_image": f'"{image}"',
        "port": str(free_port(settings().port)),
    }
    if os.geteuid() != 0:
        # A rootless podman's pods reach other containers only inside one network.
        chosen["pod_network"] = f'"{NETWORK}"'
    lines = [f"{key} = {value}\n" for key, value in chosen.items()]
    path.write_text("# Written by scripts/demo on its first run.\n" + "".join(lines))
    reason = "quay.io answers" if image == AWX_EE else "quay.io does not answer"
    click.echo(f"Execution environment: {image} ({reason})")


def registry_answers(url: str) -> bool:
    """A registry says 401 to a stranger; that is an answer."""
    try:
        urllib.request.urlopen(url, timeout=4)  # noqa: S310  a constant https URL
    except urllib.error.HTTPError as error:
        return error.code == 401
    except (OSError, ValueError):
        return False
    return True


def free_port(wanted: int) -> int:
    """The wanted port, or the next that nobody listens on."""
    port: int
    for port in (wanted, *PORTS):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise ConfigurationError(
        f"No free port from {PORTS[0]} to {PORTS[-1]}.", cure="Set GANTRY_PORT to a free one."
    )
