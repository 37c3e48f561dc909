"""`gantry ee images`, `prune` and `platforms`: what the engine holds, what goes, what it takes."""

from __future__ import annotations

import asyncio
import re
import sys
from typing import TYPE_CHECKING

import click

from gantry.cli.ee.group import ee, find
from gantry.cli.setup import with_database

if TYPE_CHECKING:
    from gantry.images.cache import CachedImage

_DAYS = {"d": 1.0, "h": 1 / 24, "w": 7.0}


@ee.command()
def images() -> None:
    """List the engine's images: size, last use, why each stays.

    Only images that Gantry pulled or built can be pruned. Sizes count layers that images share for
    each of them.

    \b
    Example
      gantry ee images
    """
    with_database()
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("IMAGE", "SIZE", "LAST USED", "STAYS BECAUSE"):
        table.add_column(column, overflow="fold")
    for cached in asyncio.run(_known()):
        used = f"{cached.last_used:%Y-%m-%d %H:%M}" if cached.last_used else ""
        table.add_row(_named(cached), _size(cached.image.size), used, cached.kept or "(may go)")
    Console().print(table)


def _days(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    found = re.fullmatch(r"(\d+)([dhw])", value)
    if found is None:
        raise click.BadParameter("write it as 30d, 12h or 4w")
    return int(found[1]) * _DAYS[found[2]]


@ee.command()
@click.option("--older-than", callback=_days, metavar="30d", help="Unused for so long: d, h or w.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
def prune(older_than: float | None, dry_run: bool) -> None:
    """Remove images that nothing has used for long.

    Never an image that runs, is pinned or accepted, that a waiting job wants, that is the newest of
    an EE, or that this installation never ran, built or imported. Without --older-than the settings
    GANTRY_IMAGE_KEEP_DAYS and GANTRY_IMAGE_CACHE decide.

    \b
    Examples
      gantry ee prune --older-than 30d --dry-run
      gantry ee prune --older-than 30d
    """
    with_database()
    from gantry.base.config import settings
    from gantry.images.cache import Policy

    told = settings()
    policy = Policy(told.image_keep_days, told.image_cache)
    if older_than is not None:
        policy = Policy(older_than)
    if not (policy.days or policy.size):
        raise click.UsageError("Say --older-than, or set GANTRY_IMAGE_KEEP_DAYS.")
    failed = asyncio.run(_would_go(policy) if dry_run else _prune(policy))
    sys.exit(1 if failed else 0)


@ee.command()
@click.argument("name")
def platforms(name: str) -> None:
    """Show the platforms of NAME's image, and the one that runs here.

    \b
    Example
      gantry ee platforms "AWX EE (latest)"
    """
    with_database()
    from gantry.images.platforms import platforms_now

    found = platforms_now(find(name))
    for platform in found.found:
        mark = "  <- the engine's" if platform.name == found.chosen else ""
        click.echo(f"{platform.name:<16} {platform.digest}{mark}")
    if not found.chosen:
        click.echo(f"None is for the engine's platform, {found.engine}.", err=True)
        sys.exit(1)


async def _known() -> list[CachedImage]:
    from gantry.base.bridge import in_thread
    from gantry.base.config import settings
    from gantry.images.cache import known
    from gantry.pods.docker_images import DockerImages

    store = DockerImages(settings().engine)
    try:
        return await in_thread(known)(await store.held())
    finally:
        await store.close()


async def _would_go(policy: object) -> int:
    from django.utils import timezone

    from gantry.images.cache import Policy, to_go

    assert isinstance(policy, Policy)
    going = to_go(await _known(), policy, timezone.now())
    for cached in going:
        click.echo(f"would remove {_named(cached)} ({_size(cached.image.size)})")
    click.echo(f"{len(going)} images, {_size(sum(c.image.size for c in going))}")
    return 0


async def _prune(policy: object) -> int:
    from django.utils import timezone

    from gantry.base.config import settings
    from gantry.images.cache import Policy, Pruned, prune
    from gantry.pods.docker_images import DockerImages

    assert isinstance(policy, Policy)
    told: list[Pruned] = []

    def tell(pruned: Pruned) -> None:
        told.append(pruned)
        named = f"{_named(pruned.cached)} ({_size(pruned.cached.image.size)})"
        click.echo(f"kept {named}: {pruned.error}" if pruned.error else f"removed {named}")

    store = DockerImages(settings().engine)
    try:
        await prune(store, policy, timezone.now(), tell)
    finally:
        await store.close()
    gone = [p.cached.image.size for p in told if not p.error]
    click.echo(f"{len(gone)} images, {_size(sum(gone))}")
    return len(told) - len(gone)


def _named(cached: CachedImage) -> str:
    return ", ".join(cached.image.names) or f"(no name) {cached.image.id[:19]}"


def _size(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
