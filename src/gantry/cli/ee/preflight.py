"""`gantry ee preflight`: what a playbook needs and an execution environment lacks."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from gantry.cli.ee.group import ee
from gantry.cli.setup import with_database


@ee.command()
@click.argument("target")
@click.option("--project", type=click.Path(path_type=Path, exists=True, file_okay=False),
              help="A folder with playbooks: TARGET is then an image.")  # fmt: skip
@click.option("--playbook", default="site.yml", show_default=True, help="Below --project.")
@click.option("--all", "everything", is_flag=True,
              help="Exit with 1 for what a run may need too, not only for what it cannot load "
              "without.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="As one JSON document.")
def preflight(
    target: str, project: Path | None, playbook: str, everything: bool, as_json: bool
) -> None:
    """Compare what a playbook needs with what its environment has.

    TARGET is a job template (a name or an id): its project's newest tree is compared with what its
    next job runs in. With --project, for CI, TARGET is an image on the engine; no running Gantry
    and no database are needed, and what the project's requirements.yml names counts as there.

    Collections, roles, ansible-core and Python packages are compared. Exit code 1 when something is
    missing without which the play cannot even be loaded, 2 when nothing could be compared.

    \b
    Examples
      gantry ee preflight "Deploy web"
      gantry ee preflight --project . --playbook site.yml localhost/gantry/starter-ee
    """
    found = _of_folder(project, playbook, target) if project else _of_template(target)
    click.echo(json.dumps(found, indent=2) if as_json else _words(found))
    if found["state"] != "compared":
        sys.exit(2)
    sys.exit(1 if any(everything or m["when"] == "load" for m in found["missing"]) else 0)


def _of_folder(project: Path, playbook: str, image: str) -> dict[str, Any]:
    from gantry.base.errors import InvalidInput
    from gantry.cli.ee.looking import look_into
    from gantry.images.preflight.compare import NOT_COVERED, compare
    from gantry.images.preflight.read import read_needs
    from gantry.images.preflight.tree import read_folder

    tree = read_folder(project)
    if not tree.find(f"project/{playbook}"):
        raise InvalidInput(
            f"There is no playbook {playbook} in {project}.", cure="Name one with --playbook."
        )
    contents = look_into(image)
    known = None
    if contents.ansible_core:
        known = compare(read_needs(tree, playbook, synced=False), contents)
    return {
        "state": "compared" if known else "unknown",
        "sentence": "" if known else contents.error or f"No ansible-core was found in {image}.",
        "playbook": playbook,
        "environment": {"id": None, "name": image},
        "digest": contents.digest,
        "missing": [m.json() for m in known.missing] if known else [],
        "unsure": known.unsure if known else [],
        "not_covered": list(NOT_COVERED),
    }


def _of_template(target: str) -> dict[str, Any]:
    with_database()
    from gantry.base.errors import InvalidInput
    from gantry.path.preflight import preflight_of
    from gantry.resources.models import JobTemplate, User

    wanted = {"pk": int(target)} if target.isdecimal() else {"name": target}
    templates = list(JobTemplate.objects.filter(**wanted)[:2])
    if len(templates) != 1:
        raise InvalidInput(
            f"{'More than one' if templates else 'No'} job template is named {target}.",
            cure="The Templates page shows their ids. For an image give --project too.",
        )
    administrator = User.objects.filter(is_superuser=True).order_by("pk").first()
    assert administrator is not None, "an installation has its administrator"
    return preflight_of(templates[0], administrator)


def _words(found: dict[str, Any]) -> str:
    environment = (found["environment"] or {}).get("name", "no execution environment")
    lines = [f"{found['playbook']} in {environment} {found['digest'][:19]}".rstrip()]
    if found["state"] != "compared":
        return "\n".join([*lines, f"  not compared  {found['sentence']}"])
    for missing in found["missing"]:
        word = "missing" if missing["when"] == "load" else "may lack"
        lines.append(f"  {word:<13} {missing['sentence']}")
        names = ", ".join(e["name"] for e in missing["environments"])
        if names:
            lines.append(f"  {'':<13} {names} has it.")
    lines += [f"  {'cannot tell':<13} {sentence}" for sentence in found["unsure"]]
    if not found["missing"]:
        lines.append("  complete      Nothing that it needs is missing.")
    return "\n".join(lines)
