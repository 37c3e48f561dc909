"""Settings: environment beats file beats default, and what is wrong is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from gantry.base.config import load, table
from gantry.base.errors import ConfigurationError


def test_the_environment_beats_the_file_and_the_file_the_default(tmp_path: Path) -> None:
    file = tmp_path / "gantry.toml"
    file.write_text('port = 9000\nhost = "0.0.0.0"\n')

    settings = load({"GANTRY_PORT": "9001"}, file)

    assert (settings.host, settings.port, settings.capacity) == ("0.0.0.0", 9001, 20)


def test_a_value_of_the_wrong_kind_names_its_variable() -> None:
    with pytest.raises(ConfigurationError, match="GANTRY_PORT is 'many', which is not int"):
        load({"GANTRY_PORT": "many"})


def test_a_key_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "gantry.toml"
    file.write_text("prot = 9000\n")

    with pytest.raises(ConfigurationError, match="sets prot, which Gantry does not know"):
        load({}, file)


def test_a_file_that_is_no_toml_says_so(tmp_path: Path) -> None:
    file = tmp_path / "gantry.toml"
    file.write_text("port 9000")

    with pytest.raises(ConfigurationError, match="cannot be read"):
        load({}, file)


@pytest.mark.parametrize(("text", "value"), [("yes", True), ("1", True), ("no", False)])
def test_switches_are_read_as_people_write_them(text: str, value: bool) -> None:
    assert load({"GANTRY_DEBUG": text}).debug is value


def test_lists_are_separated_by_commas() -> None:
    assert load({"GANTRY_ALLOWED_HOSTS": "a.example, b.example"}).allowed_hosts == (
        "a.example", "b.example",
    )  # fmt: skip


def test_the_document_has_every_setting() -> None:
    document = Path(__file__).parents[2] / "docs" / "settings.md"

    assert document.read_text() == table()
