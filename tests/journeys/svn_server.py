"""A real Subversion server: svnserve, of a repository that is written by svn itself."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from tests.journeys.git_server import host_address
from tests.journeys.registry import free_port

USER, PASSWORD = "subversive", "a phrase of some length"


class SvnServer:
    """`commit` makes a revision; who reads it must log in if there is a `password`."""

    def __init__(self, home: Path, *, password: bool = False) -> None:
        home.mkdir()
        self.home, self.repository = home, home / "served" / "demo"
        self.repository.parent.mkdir()
        _run("svnadmin", "create", str(self.repository))
        conf = self.repository / "conf"
        access = "none" if password else "read"
        (conf / "svnserve.conf").write_text(
            f"[general]\nanon-access = {access}\nauth-access = read\npassword-db = passwd\n"
        )
        (conf / "passwd").write_text(f"[users]\n{USER} = {PASSWORD}\n")
        _run("svn", "checkout", "-q", f"file://{self.repository}", str(home / "tree"))
        host, port = host_address(), free_port(host_address())
        self.url = f"svn://{host}:{port}/demo"
        self._process = subprocess.Popen(
            ["svnserve", "--daemon", "--foreground", "--root", str(self.repository.parent),
             "--listen-host", host, "--listen-port", str(port)],
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        self._wait()

    def commit(self, files: dict[str, str], externals: str = "") -> str:
        """Returns the number of the revision."""
        tree = self.home / "tree"
        for name, text in files.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(text)
        _run("svn", "add", "-q", "--force", str(tree))
        if externals:
            _run("svn", "propset", "-q", "svn:externals", externals, str(tree / "trunk"))
        _run("svn", "commit", "-q", "-m", "A revision.", str(tree))
        _run("svn", "update", "-q", "--ignore-externals", str(tree))
        return _run("svnlook", "youngest", str(self.repository)).strip()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=10)

    def _wait(self) -> None:
        for _ in range(100):
            argv = ["svn", "info", "--non-interactive", "--no-auth-cache", self.url]
            said = subprocess.run(argv, capture_output=True, text=True, check=False)
            if "refused" not in said.stderr:
                return
            time.sleep(0.05)
        raise AssertionError(said.stderr)


def _run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (argv, done.stderr)
    return done.stdout
