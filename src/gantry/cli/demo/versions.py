"""The demo's second part: an EE is pinned, its tag moves, and what has changed is shown.

The tag `localhost/gantry/demo-ee:stable` first means the EE that the demo's job ran in, then an
image on top of it with one package more and one in another version.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from gantry.base.config import settings
from gantry.base.engine_probe import EngineSetup
from gantry.base.errors import GantryError
from gantry.images.podman_cli import Podman, recipe_hash
from gantry.images.starter import wheels

NAME = "Demo EE"
TAG = "localhost/gantry/demo-ee:stable"
NEXT = "localhost/gantry/demo-ee:next"
PACKAGES = ("hvac==2.3.0", "packaging==24.2")  # wheels for any Python
FILES = Path(__file__).parent / "next"
PATIENCE = 120.0


class NotLookedInto(GantryError):
    """The controller did not look into an image in the time the demo gives it."""

    code = "inspection"


def show_versions(setup: EngineSetup, state: Path, ran: Any) -> None:
    """`ran` is the EE of the demo's job; its image is here."""
    from gantry.images import drift, pins, tags

    podman = Podman.of(setup, state)
    click.secho("\nBuild once, run anywhere, pin every version", bold=True)
    podman.run("tag", ran.image, TAG)
    environment = _environment(ran)
    pinned = pins.pin_to_tag(environment, tags.meaning_now(environment), user=None)
    click.echo(f"  pin    {NAME} runs {pinned.pinned_digest}, whatever its tag means")
    _build_next(podman, ran.image)
    podman.run("tag", NEXT, TAG)
    moved = tags.check_now(pinned)
    click.echo(f"  drift  {drift.decide(moved).sentence}")
    before, after = (_look(moved, d) for d in (moved.pinned_digest, moved.registry_digest))
    click.echo("  diff   what the tag's new digest has that the pinned one has not:")
    _show_difference(before, after)
    click.echo(f"  page   {settings().public_url}/environments/{environment.pk}/")


def _environment(ran: Any) -> Any:
    from gantry.resources.models import ExecutionEnvironment

    environment, _ = ExecutionEnvironment.objects.update_or_create(
        name=NAME,
        defaults={"image": TAG, "pull": "never", "organization": ran.organization,
                  "description": "Shows a pin, a drift and a diff.", "drift_policy": "warn"},
    )  # fmt: skip
    return environment


def _build_next(podman: Podman, base: str) -> None:
    program = (FILES / "install.py").read_bytes()
    recipe = recipe_hash(podman.image_id(base), program, *PACKAGES)
    if podman.recipe_of(NEXT) == recipe:
        return
    with tempfile.TemporaryDirectory(prefix="gantry-demo-next-") as folder:
        context = Path(folder)
        shutil.copy(FILES / "install.py", context)
        target = wheels.pip_target_of(podman, base)
        wheels.download(["--no-deps", *PACKAGES], context / "wheels", target)
        (context / "Containerfile").write_text(
            f"FROM {base}\nUSER 0\n"
            "RUN --mount=type=bind,source=.,target=/recipe python3 /recipe/install.py\n"
            "USER 1000:0\n"
        )
        podman.build(NEXT, context, recipe)


def _look(environment: Any, digest: str) -> Any:
    """What the controller's pod finds inside; at once when it has looked before."""
    from gantry.images.inspect.known import ask

    click.echo(f"  look   into {digest[:19]} in a pod without network")
    row = ask(environment, digest)
    deadline = time.monotonic() + PATIENCE
    while row.state in ("pending", "running"):
        if time.monotonic() > deadline:
            raise NotLookedInto(
                f"Nobody has looked into {digest} yet.", cure="Is `gantry up` running?"
            )
        time.sleep(0.2)
        row.refresh_from_db()
    if row.state == "failed":
        raise NotLookedInto(row.error, cure=row.cure)
    return row


def _show_difference(before: Any, after: Any) -> None:
    from gantry.images.diff import diff

    for kind, part in diff(before, after).kinds.items():
        for change in (*part.added, *part.removed, *part.changed):
            click.echo(
                f"           {kind} {change.name}: {change.old or 'not there'} -> "
                f"{change.new or 'removed'}"
            )
