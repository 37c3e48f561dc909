"""`gantry ee preflight`, as a pipeline calls it: a folder against an image of the real engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gantry.cli.main import main
from tests.journeys.conftest import ee_image, engine_url
from tests.journeys.world import World

__all__ = ["ee_image", "engine_url"]

GOOD = "- hosts: all\n  roles: [web]\n  tasks: [{ansible.posix.mount: }, {ping: }]\n"
BAD = GOOD + "  handlers: [{name: h, nobody.has_this.module: }]\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "roles/web/tasks").mkdir(parents=True)
    (tmp_path / "roles/web/tasks/main.yml").write_text("- command: ls\n")
    (tmp_path / "site.yml").write_text(GOOD)
    (tmp_path / "bad.yml").write_text(BAD)
    (tmp_path / "later.yml").write_text(
        '- hosts: all\n  vars: {x: "{{ 1 | nobody.has_this.filter }}"}\n'
    )
    return tmp_path


def gantry(*arguments: str, code: int = 0) -> Result:
    done = CliRunner().invoke(main, ["ee", "preflight", *arguments])
    assert done.exit_code == code, done.output
    return done


@pytest.mark.engine
def test_a_folder_against_an_image(project: Path, ee_image: str) -> None:
    folder = ("--project", str(project))

    bad = gantry(*folder, "--playbook", "bad.yml", ee_image, code=1).output
    later = gantry(*folder, "--playbook", "later.yml", ee_image)
    gantry(*folder, "--playbook", "later.yml", "--all", ee_image, code=1)
    absent = gantry(*folder, "--playbook", "none.yml", ee_image, code=1)
    found = json.loads(gantry(*folder, "--json", "--playbook", "bad.yml", ee_image, code=1).output)
    (project / "requirements.yml").write_text("collections: [nobody.has_this]\n")
    required = gantry(*folder, "--playbook", "bad.yml", ee_image).output

    assert "missing       Collection nobody.has_this, which bad.yml needs" in bad
    assert "may lack" in later.output
    assert "There is no playbook none.yml" in absent.output
    assert [m["name"] for m in found["missing"] if m["when"] == "load"] == ["nobody.has_this"]
    assert "nobody.has_this" not in required


def test_a_template_of_the_installation(db: str) -> None:
    template = World.make("localhost/none:1").template(GOOD)

    done = gantry(template.name, code=2)
    unknown = gantry("No such template", code=1)

    assert "not compared  What is in the image is not known yet." in done.output
    assert "No job template is named No such template." in unknown.output
