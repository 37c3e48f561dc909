"""Somebody who signs projects, with the real `ansible-sign` and gpg."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PASSPHRASE = "only of the tests"


class Signer:
    """Has a key of its own; `sign` writes `.ansible-sign` into a tree."""

    def __init__(self, name: str) -> None:
        # A short path: gpg's agent listens on a socket in there.
        self.home = Path(tempfile.mkdtemp(prefix="gs-"))
        self._gpg("--quick-generate-key", f"{name}@example.org", "ed25519", "sign", "never")
        self.public_key = self._gpg("--armor", "--export")

    def sign(self, tree: Path) -> None:
        if not (tree / "MANIFEST.in").exists():
            (tree / "MANIFEST.in").write_text("global-include *\nrecursive-exclude .git *\n")
        program = Path(sys.executable).with_name("ansible-sign")
        argv = [str(program), "project", "gpg-sign", "--gnupg-home", str(self.home), str(tree)]
        env = {**os.environ, "ANSIBLE_SIGN_GPG_PASSPHRASE": PASSPHRASE}  # else it wants a terminal
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def forget(self) -> None:
        subprocess.run(["gpgconf", "--homedir", str(self.home), "--kill", "all"], check=False)
        shutil.rmtree(self.home, ignore_errors=True)

    def _gpg(self, *arguments: str) -> str:
        argv = ["gpg", "--homedir", str(self.home), "--batch", "--quiet", "--yes",
                "--pinentry-mode", "loopback", "--passphrase", PASSPHRASE, *arguments]  # fmt: skip
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout
