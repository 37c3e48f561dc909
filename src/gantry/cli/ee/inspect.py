"""`gantry ee inspect`, `diff` and `sbom`: what is inside an image, and how two differ."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import TYPE_CHECKING, Any

import click

from gantry.cli.ee.group import ee, find
from gantry.cli.setup import with_database

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from gantry.images.diff import Change, Diff
    from gantry.images.inspect.contents import Contents, HasContents, Package

SYSTEM = ("deb", "rpm")
WORDS = {"collection": "COLLECTION", "python": "PYTHON PACKAGE", "deb": "DEB PACKAGE",
         "rpm": "RPM PACKAGE"}  # fmt: skip


@ee.command()
@click.argument("image")
@click.option("--kind", multiple=True, type=click.Choice(list(WORDS)),
              help="Only these; system packages are otherwise counted, not listed.")  # fmt: skip
@click.option("--search", default="", help="Only packages whose name has these letters.")
@click.option("--json", "as_json", is_flag=True, help="All that is known, as one JSON document.")
@click.option("--sbom", type=click.File("w"), default=None,
              help="Write the bill of materials (CycloneDX 1.6) there too.")  # fmt: skip
def inspect(image: str, kind: tuple[str, ...], search: str, as_json: bool, sbom: Any) -> None:
    """Look into IMAGE: Ansible, collections, packages, labels.

    It may be any image that the engine has. A pod without network, not root and read-only, looks
    around and goes. This needs no running Gantry and no database. Exit code 1 when the image could
    not be looked into.

    \b
    Examples
      gantry ee inspect localhost/gantry/starter-ee
      gantry ee inspect localhost/gantry/starter-ee --kind deb --search ssl
      gantry ee inspect localhost/gantry/starter-ee --sbom starter.cdx.json
    """
    from gantry.cli.ee.looking import look_into

    found = look_into(image)
    if sbom is not None and not found.error:
        _write_sbom(found, sbom)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(found), default=str, indent=2))
    else:
        _show(found, kind or tuple(k for k in WORDS if k not in SYSTEM), search)
    if found.error:
        click.secho(f"gantry: {found.error}", fg="red", err=True)
        click.echo(f"        {found.cure}", err=True)
        sys.exit(1)


@ee.command(name="diff")
@click.argument("old")
@click.argument("new")
@click.option("--json", "as_json", is_flag=True, help="As one JSON document.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 when anything differs.")
def ee_diff(old: str, new: str, as_json: bool, exit_code: bool) -> None:
    """Show which packages differ from OLD to NEW.

    Each is the name of an execution environment, a digest, or an image that the engine has, which
    is then looked into.

    \b
    Examples
      gantry ee diff "AWX EE (latest)" my-ee
      gantry ee diff localhost/my-ee:1 localhost/my-ee:2 --exit-code
    """
    from gantry.cli.ee.looking import known, look_into
    from gantry.images.diff import diff

    def side(name: str) -> HasContents:
        found = known(name) or look_into(name)
        if error := getattr(found, "error", ""):
            raise click.ClickException(f"{name}: {error} {getattr(found, 'cure', '')}".strip())
        return found

    found = diff(side(old), side(new))
    if as_json:
        click.echo(json.dumps(found.as_dict(), indent=2))
    else:
        _show_diff(found)
    sys.exit(1 if exit_code and found else 0)


@ee.command(name="sbom")
@click.argument("name")
@click.option("--digest", default="", help="One that it ran before; default: what runs next.")
@click.option("--output", "-o", type=click.File("w"), default="-", help="Default: the terminal.")
def ee_sbom(name: str, digest: str, output: Any) -> None:
    """Write the bill of materials (CycloneDX 1.6, JSON) of NAME.

    \b
    Example
      gantry ee sbom "AWX EE (latest)" -o awx-ee.cdx.json
    """
    with_database()
    from gantry.base.errors import InvalidInput
    from gantry.cli.ee.looking import known
    from gantry.images.inspect.known import meant

    environment = find(name)
    if digest and not meant(environment, digest):
        raise InvalidInput(
            f"{name} never meant {digest}.", cure=f"`gantry ee history {name}` names its digests."
        )
    found = known(digest or str(environment.pk))
    if found is None:
        raise InvalidInput(
            f"What is in {digest} is not known.", cure="`gantry ee inspect` looks into an image."
        )
    _write_sbom(found, output)


def _write_sbom(found: HasContents, file: Any) -> None:
    from gantry.images.sbom import cyclonedx

    file.write(cyclonedx(found, getattr(found, "inspected", None), indent=2) + "\n")


def _console() -> Console:
    from rich.console import Console

    # What an image says of itself is no markup.
    return Console(markup=False, highlight=False, emoji=False)


def _show(found: Contents, kinds: tuple[str, ...], search: str) -> None:
    from rich.table import Table

    console = _console()
    head = Table(box=None, pad_edge=False, show_header=False)
    head.add_column(style="bold")
    head.add_column(overflow="fold")
    for name, value in _facts(found):
        head.add_row(name, value)
    console.print(head)
    for kind in kinds:
        rows = [p for p in found.packages
                if p["kind"] == kind and search.lower() in p["name"].lower()]  # fmt: skip
        if rows:
            console.print()
            console.print(_table(kind, rows))
    for sentence in found.unknown:
        console.print(f"\n! {sentence}", style="yellow")


def _table(kind: str, packages: list[Package]) -> Table:
    """A column that would be empty is left out."""
    from rich.table import Table

    columns = [
        (WORDS[kind], [p["name"] for p in packages]),
        ("VERSION", [p["version"] for p in packages]),
        ("ARCH", [p.get("arch", "") for p in packages]),
        ("LICENCE", [p.get("licence", "") for p in packages]),
        ("WHERE", [_where(p) for p in packages] if kind == "collection" else []),
    ]
    columns = [(head, cells) for head, cells in columns if any(cells)]
    table = Table(box=None, pad_edge=False)
    for head, _ in columns:
        table.add_column(head, overflow="fold")
    for row in zip(*(cells for _, cells in columns), strict=True):
        table.add_row(*row)
    return table


def _where(collection: Package) -> str:
    root = str(collection.get("path", "")).partition("/ansible_collections/")[0]
    return root + (" (another is found before it)" if collection.get("shadowed") else "")


def _facts(found: Contents) -> list[tuple[str, str]]:
    counts = ((kind, sum(p["kind"] == kind for p in found.packages)) for kind in SYSTEM)
    system = ", ".join(f"{n} {kind} packages" for kind, n in counts if n)
    labels = "\n".join(f"{key}={value}" for key, value in sorted(found.labels.items()))
    rows = [
        ("Image", found.reference), ("Digest", found.digest), ("Platform", found.platform),
        ("Size", f"{found.size / 1e6:.0f} MB in {len(found.layers)} layers"),
        ("Made", f"{found.created:%Y-%m-%d %H:%M} UTC" if found.created else ""),
        ("User", found.user), ("Entry point", " ".join(found.entrypoint)),
        ("Command", " ".join(found.command)), ("Labels", labels),
        ("Distribution", found.distribution), ("System", system), ("Python", found.python),
        ("ansible-core", found.ansible_core), ("ansible-runner", found.ansible_runner),
        ("Looked in", f"{found.seconds:.2f} s"),
    ]  # fmt: skip
    return [(name, value) for name, value in rows if value]


def _show_diff(found: Diff) -> None:
    from rich.table import Table

    console = _console()
    table = Table(box=None, pad_edge=False)
    for column in ("", "KIND", "NAME", "OLD", "NEW"):
        table.add_column(column, overflow="fold")

    def add(kind: str, changes: list[Change], sign: str, style: str) -> None:
        for change in changes:
            table.add_row(sign, kind, change.name, change.old, change.new, style=style)

    add("", found.facts, "~", "yellow")
    for kind, part in found.kinds.items():
        add(kind, part.added, "+", "green")
        add(kind, part.removed, "-", "red")
        add(kind, part.changed, "~", "yellow")
    if found:
        console.print(table)
    console.print(found.sentence())
