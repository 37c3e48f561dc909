"""`gantry ee export` and `import`: an EE across an air gap, in one file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gantry.cli.ee.group import ee, find
from gantry.cli.setup import with_database

if TYPE_CHECKING:
    from gantry.images.archive import Archive
    from gantry.images.carry import Imported, Wish
    from gantry.resources.environments import ExecutionEnvironment

FILE = click.Path(path_type=Path, dir_okay=False)


@ee.command(name="export")
@click.argument("name")
@click.argument("file", type=FILE)
def ee_export(name: str, file: Path) -> None:
    """Write the image of NAME, and all that is known of it, to FILE.

    FILE is an OCI archive: the image as jobs run it now (its pinned digest, if it is pinned), the
    definition and lock it was built from, its bill of materials (CycloneDX), and the SHA-256 of
    each part. Carry it to another installation and `gantry ee import` it there; `podman load -i`
    takes the image alone.

    \b
    Example
      gantry ee export "Network EE" network-ee.tar
    """
    with_database()
    made = asyncio.run(_export(find(name), file.absolute()))
    about = made.about
    click.echo(f"{file}: {made.size >> 20} MiB, {about.image} ({about.platform})")
    click.echo(f"  digest    {about.digest}")
    click.echo(f"  image id  {about.image_id}")
    click.echo(f"  with      {', '.join(sorted(made.parts)) or 'the image alone'}")


@ee.command(name="import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--name", default="", help="Of the EE here; default: as where it comes from.")
@click.option("--organization", default="", help="Who owns a new EE; default: nobody, all use it.")
@click.option("--image", default="", help="The image's name here; default: as it comes.")
@click.option("--replace", is_flag=True,
              help="Take the image's name from another image that has it here.")  # fmt: skip
def ee_import(file: Path, name: str, organization: str, image: str, replace: bool) -> None:
    """Load FILE, which `gantry ee export` wrote, as an environment.

    One that has its name is updated. Every digest is checked first: a file that was cut off or
    changed is refused, and nothing is loaded. Nothing is pinned, and a name that means another
    image on this engine is left alone without --replace.

    \b
    Example
      gantry ee import network-ee.tar --organization Network
    """
    with_database()
    from gantry.base.errors import InvalidInput
    from gantry.images.carry import Wish
    from gantry.resources.models import Organization

    owner = Organization.objects.filter(name=organization).first() if organization else None
    if organization and owner is None:
        raise InvalidInput(f"No organization is named {organization}.", field="organization")
    done = asyncio.run(_import(file, Wish(name, owner, image, replace)))
    row = done.environment
    click.echo(f"{'Made' if done.made else 'Updated'} execution environment {row.name} ({row.pk})")
    click.echo(f"  image     {row.image}")
    click.echo(f"  digest    {done.digest}")
    for note in done.notes:
        click.echo(f"  {note}")


async def _export(row: ExecutionEnvironment, target: Path) -> Archive:
    from gantry.cli.ee.looking import engine, look_on
    from gantry.images.carry import export
    from gantry.images.inspect.contents import Contents
    from gantry.pods.contract import Image
    from gantry.pods.docker_api import DockerEngine
    from gantry.pods.docker_images import DockerImages

    with engine() as url:
        pods, images = DockerEngine(url), DockerImages(url)

        async def look(image: Image) -> Contents | None:
            found = await look_on(pods, images, image.id)
            found.reference = row.image
            return None if found.error else found

        try:
            return await export(row, target, pods, images, look)
        finally:
            await images.close()
            await pods.close()


async def _import(file: Path, wish: Wish) -> Imported:
    from gantry.cli.ee.looking import engine
    from gantry.images.carry import import_
    from gantry.pods.docker_api import DockerEngine
    from gantry.pods.docker_images import DockerImages

    with engine() as url:
        pods, images = DockerEngine(url), DockerImages(url)
        try:
            return await import_(file, wish, None, pods, images)
        finally:
            await images.close()
            await pods.close()
