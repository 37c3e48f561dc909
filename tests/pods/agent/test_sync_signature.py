"""What a sync says of a tree that was signed, by the real ansible-sign and gpg: whatever is not as
it was signed fails, and the sentence says what."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gantry.pods.agent.sync import signature, words
from tests.journeys.projects.signer import Signer

SIGNED = ".ansible-sign/sha256sum.txt"


@pytest.fixture(scope="module")
def signer() -> Iterator[Signer]:
    made = Signer("signer")
    yield made
    made.forget()


@pytest.fixture(scope="module")
def signed(signer: Signer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = tmp_path_factory.mktemp("signed")
    (tree / "roles/web/tasks").mkdir(parents=True)
    (tree / "site.yml").write_text("- hosts: all\n")
    (tree / "roles/web/tasks/main.yml").write_text("- ping:\n")
    signer.sign(tree)
    return tree


@pytest.fixture
def tree(signer: Signer, signed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A signed project as git left it in the pod, and the key that is to verify it."""
    tree = Path(shutil.copytree(signed, tmp_path / "project"))
    (tree / ".git").mkdir()
    (tree / ".git/HEAD").write_text("x")
    (tmp_path / "key").write_text(signer.public_key)
    for module in (signature, words):
        monkeypatch.setattr(module, "PROJECT", str(tree))
    monkeypatch.setattr(signature, "KEY", str(tmp_path / "key"))
    monkeypatch.setattr(signature, "KEYS", str(tmp_path / "keys"))
    return tree


def refusal() -> str:
    with pytest.raises(words.SyncError) as caught:
        signature.verify(dict(os.environ))
    assert caught.value.code == words.BAD_SIGNATURE
    return str(caught.value)


def test_what_is_as_it_was_signed_passes(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    signature.verify(dict(os.environ))
    assert "Checksum validation succeeded" in capsys.readouterr().out


NOT_AS_SIGNED = "files are not as they were signed; "
MANIFEST = f"the manifest {SIGNED} was not signed with the project's key, or was changed since"
CASES: dict[str, tuple[Callable[[Path], object], str]] = {
    "changed": (
        lambda tree: (tree / "site.yml").write_text("- hosts: evil\n"),
        NOT_AS_SIGNED + "changed: site.yml",
    ),
    "added": (
        lambda tree: (tree / "roles/evil.yml").write_text("- shell: id\n"),
        NOT_AS_SIGNED + "added: roles/evil.yml",
    ),
    "missing": (
        lambda tree: (tree / "roles/web/tasks/main.yml").unlink(),
        NOT_AS_SIGNED + "missing: roles/web/tasks/main.yml",
    ),
    "manifest changed": (
        lambda tree: (tree / SIGNED).write_text((tree / SIGNED).read_text() + "\n"), MANIFEST,
    ),
    "rules changed": (
        lambda tree: (tree / "MANIFEST.in").write_text("include site.yml\n"),
        NOT_AS_SIGNED + "changed: MANIFEST.in",
    ),
    "rules gone": (
        lambda tree: (tree / "MANIFEST.in").unlink(),
        "Could not find a MANIFEST.in file in the specified project.",
    ),
    "no signature": (
        lambda tree: (tree / f"{SIGNED}.sig").unlink(),
        f"Signature file does not exist: {SIGNED}.sig",
    ),
    "no manifest": (
        lambda tree: (tree / SIGNED).unlink(), f"Checksum manifest file does not exist: {SIGNED}",
    ),
    "garbage for a signature": (
        lambda tree: (tree / f"{SIGNED}.sig").write_bytes(os.urandom(100)), MANIFEST,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_whatever_is_not_as_it_was_signed_fails(tree: Path, name: str) -> None:
    change, sentence = CASES[name]
    change(tree)
    assert refusal() == sentence


def test_the_key_of_somebody_else_verifies_nothing(tree: Path, tmp_path: Path) -> None:
    other = Signer("other")
    (tmp_path / "key").write_text(other.public_key)
    other.forget()
    assert refusal() == MANIFEST


def test_what_is_no_key_says_so(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("no key at all\n")
    assert refusal().startswith("the credential's public key is not one that gpg reads: ")


@pytest.mark.parametrize("program", ["gpg", "ansible-sign"])
def test_an_image_without_the_programs_says_which(
    tree: Path, tmp_path: Path, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    if program == "ansible-sign":
        (bin_ / "gpg").write_text("#!/bin/sh\n")
        (bin_ / "gpg").chmod(0o755)
    with pytest.raises(words.SyncError) as caught:
        signature.verify({"PATH": str(bin_)})
    assert caught.value.code == words.INCOMPLETE_IMAGE
    assert str(caught.value) == f"the image has no {program}"
