"""A project's tree: of an archive and of a folder alike, and bounded."""

from __future__ import annotations

from pathlib import Path

import pytest

from gantry.images.preflight import tree
from gantry.images.preflight.tree import TreeUnreadable, read_archive, read_folder
from tests.images.preflight.trees import grown, packed

FILES = {"site.yml": "- hosts: all\n", "roles/r/tasks/main.yml": "- ping:\n", "big.bin": "x",
         "collections/ansible_collections/a/b/plugins/modules/c.py": "",
         "library/own.py": "", "filter_plugins/f.py": "def f(): pass\n"}  # fmt: skip


def test_a_folder_reads_as_its_archive_does(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "more").symlink_to("roles")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/config").write_text("x")

    folder, archive = read_folder(tmp_path), grown(FILES, {"more": "roles"})

    assert folder == archive
    assert folder.collections == {"a.b"}
    assert folder.modules == {"own"}
    assert "project/big.bin" not in folder.texts


def test_what_leaves_the_tree_is_no_link(tmp_path: Path) -> None:
    (tmp_path / "etc").symlink_to("/etc")
    (tmp_path / "up").symlink_to("../../../x")

    assert read_folder(tmp_path).links == {}


@pytest.mark.parametrize(
    ("limit", "value"), [("MOST_FILES", 2), ("MOST_TEXT", 20), ("MOST_UNPACKED", 20)]
)
def test_a_tree_that_is_too_large_is_cut_and_says_so(
    monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(tree, limit, value)

    assert "too large" in grown(FILES).cut


def test_a_damaged_archive_is_told() -> None:
    data = packed(FILES)
    for broken in (b"", b"no archive", data[: len(data) // 2], data[:40] + b"\0" * 60 + data[100:]):
        with pytest.raises(TreeUnreadable):
            read_archive([broken])
