"""The program of a job under a pseudo-terminal, with a pipe for the callback's events."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import struct
import termios

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

F_SETPIPE_SZ = 1031  # fcntl has the name from Python 3.10 on
PIPE = 1 << 20  # fewer switches on big output


class Child:
    """Started when made. `failure` says why it could not be executed, `status` how it ended."""

    def __init__(self, argv: list[str], cwd: str, env: dict[str, str]) -> None:
        self.text, slave = _terminal()
        self.events, events_in = os.pipe()
        with contextlib.suppress(OSError):  # a limit of the machine: the usual 64 KB do as well
            fcntl.fcntl(events_in, F_SETPIPE_SZ, PIPE)
        failed, failed_in = os.pipe()
        try:
            self.pid = os.fork()
            if self.pid == 0:
                _become(argv, cwd, env, (slave, events_in, failed_in))
        finally:
            for fd in (slave, events_in, failed_in):
                os.close(fd)
        self.failure = os.read(failed, 4096).decode("utf-8", "replace")
        os.close(failed)
        self.status: int | None = None
        self.open = [self.events, self.text]  # those that have not come to their end
        for fd in self.open:
            os.set_blocking(fd, False)

    @property
    def exited(self) -> bool:
        return self.status is not None

    @property
    def returncode(self) -> int:
        """As subprocess has it: negative when a signal ended it."""
        assert self.status is not None
        if os.WIFEXITED(self.status):
            return os.WEXITSTATUS(self.status)
        return -os.WTERMSIG(self.status)

    def signal(self, number: int) -> None:
        """To its whole process group; SIGKILL to everything that ever came of it."""
        with contextlib.suppress(OSError):  # it has just ended
            os.killpg(self.pid, number)
        if number == signal.SIGKILL:
            kill_descendants()

    def close(self) -> None:
        self.open = []
        os.close(self.events)
        os.close(self.text)


def _terminal() -> tuple[int, int]:
    """A pseudo-terminal of 80 columns that neither echoes nor turns LF into CR LF."""
    master, slave = os.openpty()
    settings = termios.tcgetattr(slave)
    settings[1] &= ~termios.OPOST
    settings[3] &= ~termios.ECHO
    termios.tcsetattr(slave, termios.TCSANOW, settings)
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    return master, slave


def _become(argv: list[str], cwd: str, env: dict[str, str], ends: tuple[int, int, int]) -> NoReturn:
    """In the new process. The last of `ends` closes at exec, or takes the reason why not."""
    slave, events_in, failed_in = ends
    try:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for fd in (0, 1, 2):
            os.dup2(slave, fd)
        os.set_inheritable(events_in, True)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.chdir(cwd)
        os.execvpe(argv[0], argv, dict(env, GANTRY_EVENTS_FD=str(events_in)))
    except OSError as error:
        os.write(failed_in, f"{error.strerror}: {error.filename or argv[0]}".encode())
    except Exception as error:  # a NUL in an argument: whatever it is, the job must tell it
        os.write(failed_in, repr(error).encode())
    finally:
        os._exit(127)


def kill_descendants() -> None:
    """As process 1 of the pod the agent inherits every daemon that a task left; `-1` as the
    target of a signal would hit the controllers' bridges too."""
    for _ in range(10):  # a process may fork while the list is read
        found = descendants(os.getpid())
        if not found:
            return
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                continue


def descendants(ancestor: int) -> list[int]:
    """Living processes below `ancestor`, from /proc."""
    parents: dict[int, int] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                state, parent = file.read().rpartition(b")")[2].split()[:2]
        except (OSError, ValueError):
            continue  # it has ended meanwhile
        if state not in (b"Z", b"X"):
            parents[int(name)] = int(parent)
    family, grown = {ancestor}, True
    while grown:
        born = {pid for pid, parent in parents.items() if parent in family} - family
        family |= born
        grown = bool(born)
    return sorted(family - {ancestor})
