"""What Gantry sends into a pod, as text: the agent, its bridge, the callback plug-in.

The only module here that runs on the controller.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

_HERE = Path(__file__).parent
OLDEST_PYTHON = (3, 9)
TOO_OLD = "gantry: python3 in this image is too old"
HOME = "/runner"
AGENT = (
    "agent", "controllers", "session", "spool", "wire", "job", "output", "child", "unpack",
    "remains", "search_paths",
)  # fmt: skip

# Reads a program from standard input: a line with its length, then that many bytes, read without
# a buffer, since what follows belongs to the agent. Any Python must be able to parse it.
_BOOT = (
    "import os,sys\n"
    f"if sys.version_info<{OLDEST_PYTHON!r}: sys.exit('{TOO_OLD}: '+sys.version.split()[0])\n"
    "n=b''\n"
    "while not n.endswith(b'\\n'):\n"
    "  c=os.read(0,1)\n"
    "  if not c: sys.exit(4)\n"
    "  n+=c\n"
    "n=int(n);s=b''\n"
    "while len(s)<n:\n"
    "  c=os.read(0,n-len(s))\n"
    "  if not c: sys.exit(4)\n"
    "  s+=c\n"
    "exec(compile(s,'gantry-agent','exec'),{'__name__':'__main__'})\n"
)
# Without `site`: the agent needs the standard library alone, and an image may have much in there.
_PYTHON = ("python3", "-S", "-u", "-c")


@lru_cache(maxsize=32)
def text(name: str) -> str:
    return (_HERE / name).read_text()


def boot_command(home: str = HOME) -> tuple[str, ...]:
    """The command of every pod; the agent itself follows on the stream."""
    return (*_PYTHON, _BOOT, home)


@lru_cache(maxsize=1)
def boot_input() -> bytes:
    """The loader and, as the argument of its `run`, the text of every module of the agent."""
    modules = {name: text(f"{name}.py") for name in AGENT}
    program = f"{text('loader.py')}\n\nsys.exit(run({modules!r}, sys.argv[1]))\n".encode()
    return b"%d\n" % len(program) + program


def bridge_command(home: str = HOME) -> tuple[str, ...]:
    return (*_PYTHON, text("bridge.py"), home)
