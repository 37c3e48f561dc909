"""What a collection asks of Python, read where ansible-builder reads it, by the probe itself."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from gantry.images.inspect import answer
from gantry.images.inspect.pod import probe

PROBE = str(Path(answer.__file__).with_name("probe.py"))
META = "meta/execution-environment.yml"


@pytest.mark.parametrize(
    ("files", "required"),
    [
        ({}, []),
        ({"requirements.txt": "boto3>=1.34 # why\n# no\n\n-r x\nsix\n"}, ["boto3>=1.34", "six"]),
        ({META: "version: 1\ndependencies:\n  python: py.txt\n  system: bindep.txt\n",
          "py.txt": "requests\n", "requirements.txt": "other\n"}, ["requests"]),
        ({META: "dependencies:\n  python: 'py.txt' # here\n", "py.txt": "requests"}, ["requests"]),
        ({META: "dependencies:\n  python:\n    - a>=1\n    - 'b'\n  system:\n    - c\n"},
         ["a>=1", "b"]),
        ({META: "dependencies:\n  python:\n  - a\n"}, ["a"]),
        ({META: "version: 1\ndependencies:\n  system: x\n", "requirements.txt": "other"}, []),
        ({META: "dependencies:\n  python: none.txt\n"}, []),
        ({META: "\0{{", "requirements.txt": "other"}, []),
    ],
)  # fmt: skip
def test_required_python(tmp_path: Path, files: dict[str, str], required: list[str]) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    functions = runpy.run_path(PROBE, run_name="probe")

    assert functions["required_python"](str(tmp_path)) == required
    assert Path(PROBE).read_text() == probe()


@pytest.mark.parametrize("told", [None, "x", {"a": 1}, [1, None, "\0"], [[]]])
def test_an_image_that_lies_about_it_tells_nothing(told: object) -> None:
    row = {"kind": "collection", "name": "a.b", "version": "1", "requires_python": told}

    assert "requires_python" not in (answer._package(row) or {})
