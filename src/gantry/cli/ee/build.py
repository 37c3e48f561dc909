"""`gantry ee build` and `gantry ee lock`: with a running Gantry, or from a file on this machine."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gantry.cli.ee.group import ee, find
from gantry.cli.setup import setup_django, with_database

if TYPE_CHECKING:
    from gantry.images.builder.run import Built
    from gantry.pods.contract import Image


@ee.command(name="build")
@click.argument("name", default="")
@click.option("-f", "--file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Build this definition here, without a running Gantry.")  # fmt: skip
@click.option("-t", "--tag", default="", help="With --file: the name the image gets.")
@click.option("--locked", is_flag=True, help="The versions of the lock, or fail.")
@click.option("--no-cache", is_flag=True, help="Run every step, and ask for the base image anew.")
@click.option("--follow", is_flag=True, help="Show the output until it has ended.")
def build(
    name: str, file: Path | None, tag: str, locked: bool, no_cache: bool, follow: bool
) -> None:
    """Build an execution environment from its definition.

    \b
    gantry ee build "Web EE" --follow             as a job of a running Gantry
    gantry ee build "Web EE" --locked --follow    the same versions again
    gantry ee build -f execution-environment.yml -t registry.example.org/web-ee:1

    With --file the lock is written beside the definition, and --locked reads it there.
    """
    if file is not None:
        if name or not tag:
            raise click.UsageError("--file needs --tag, and no NAME.")
        click.echo(_here(file, tag, locked=locked, use_cache=not no_cache))
        return
    if not name:
        raise click.UsageError("Give the NAME of an execution environment, or --file.")
    with_database()
    from gantry.cli.jobs import follow as follow_job
    from gantry.cli.jobs import page, person
    from gantry.path.build import build_environment

    made = build_environment(find(name), user=person(""), locked=locked, use_cache=not no_cache)
    click.echo(f"Build {made.pk}: {page(made)}", err=True)
    if follow:
        sys.exit(follow_job(made))


@ee.command(name="lock")
@click.argument("definition", type=click.Path(exists=True, dir_okay=False, path_type=Path),
                default="execution-environment.yml")  # fmt: skip
@click.argument("lock", type=click.Path(path_type=Path), required=False)
@click.option("--check", is_flag=True, help="Only compare; exit code 1 when they differ.")
@click.option("-t", "--tag", default="", help="Without --check: keep the built image by this name.")
def lock(definition: Path, lock: Path | None, check: bool, tag: str) -> None:
    """Make the lock of a definition, or check that the two agree.

    \b
    gantry ee lock --check                        in CI, without database or engine
    gantry ee lock execution-environment.yml      build once and write the lock anew

    DEFINITION is execution-environment.yml unless given, LOCK the file beside it with the ending
    .lock.yml.
    """
    from gantry.images.builder.agree import disagreements
    from gantry.images.builder.definition import check_files, read_definition
    from gantry.images.builder.lock import read_lock

    where = lock or lock_beside(definition)
    if not check:
        click.echo(_here(definition, tag, locked=False, use_cache=True, lock_file=where))
        return
    read = read_definition(definition.read_text())
    check_files(read, definition.parent, confined=False)
    if not where.is_file():
        click.echo(f"{where} does not exist. `gantry ee lock {definition}` makes it.", err=True)
        sys.exit(1)
    found = disagreements(read, definition.parent, read_lock(where.read_text()))
    for sentence in found:
        click.echo(sentence, err=True)
    if found:
        sys.exit(1)
    click.echo(f"{definition} and {where} agree.")


def lock_beside(definition: Path) -> Path:
    return definition.with_suffix(".lock.yml")


def _here(
    file: Path, tag: str, *, locked: bool, use_cache: bool, lock_file: Path | None = None
) -> str:
    """Build on this machine's engine; returns what to say at the end."""
    setup_django()  # for the models that its parts name; no database is asked
    from gantry.base.config import settings
    from gantry.base.engine_probe import probe_engine, start_service
    from gantry.base.errors import EngineError

    lock_file = lock_file or lock_beside(file)

    def run(url: str) -> tuple[Built, Image]:
        return asyncio.run(_build(url, file, tag, locked, use_cache, lock_file))

    if url := settings().engine_url:
        built, image = run(url)
    else:
        setup = probe_engine()
        if not setup.works:
            problem = setup.problems[0]
            raise EngineError(problem.sentence, cure=problem.cure)
        with tempfile.TemporaryDirectory(prefix="gantry-engine-") as folder:
            service = start_service(Path(folder), setup)
            try:
                built, image = run(service.url)
            finally:
                service.stop()
    if not locked:
        lock_file.write_text(built.lock.text())
    named = f"{tag} is {image.digest}\n" if tag else ""
    return f"{named}Lock: {lock_file} ({len(built.lock.packages)} packages)"


async def _build(
    url: str, file: Path, tag: str, locked: bool, use_cache: bool, lock_file: Path
) -> tuple[Built, Image]:
    from gantry.base.config import settings
    from gantry.base.errors import InvalidInput
    from gantry.base.image_reference import parse_reference
    from gantry.images.builder import host, run
    from gantry.images.builder.definition import check_files, read_definition
    from gantry.images.builder.lock import read_lock
    from gantry.path.pull import Puller, PullRequest
    from gantry.pods.docker_api import DockerEngine
    from gantry.pods.docker_images import DockerImages

    definition = read_definition(file.read_text())
    check_files(definition, file.parent, confined=False)
    if locked and not lock_file.is_file():
        raise InvalidInput(f"{lock_file} does not exist.", cure="Build once without --locked.")
    used = read_lock(lock_file.read_text()) if locked else None
    engine, store = DockerEngine(url), DockerImages(url)
    puller = Puller(engine)

    async def pull(reference: str, digest: str) -> Image:
        named = parse_reference(reference).domain == "localhost"
        policy = "missing" if use_cache or locked or named else "always"
        request = PullRequest(reference, policy, None, digest)
        return await puller.ensure(request, lambda progress: None)

    async def say(line: str) -> None:
        click.echo(line, err=True)

    scratch = f"localhost/gantry/build:here-{os.getpid()}"
    order = run.Order(definition, file, False, scratch, used, use_cache)
    pod = f"gantry-look-{os.getpid()}"
    tools = run.Tools(engine, store, pull, pod, {}, settings().pod_user, host.pip_settings())
    try:
        bases = await run.get_bases(order, tools, say)
        built = await run.build(order, bases, tools, say)
        if tag:
            await store.tag(built.image.id, tag)
        return built, await engine.image(tag or built.image.id) or built.image
    finally:
        await run.forget(store, scratch)
        await store.close()
        await engine.close()
