"""What Gantry sends into a pod, as text: the agent, its bridge, the callback plug-in.

The only module here that runs on the controller.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

_HERE = Path(__file__).parent
OLDEST_PYTHON = (3, 9)
TOO_OLD = "gantry: python3 in this image is too old"

# Reads the agent's source from standard input: a line with its length, then that many bytes, read
# without a buffer, since what follows belongs to the agent. Any Python must be able to parse it.
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


@lru_cache(maxsize=8)
def text(name: str) -> str:
    return (_HERE / name).read_text()


def boot_command() -> tuple[str, ...]:
    """The command of every pod; the agent itself follows on the stream."""
    return ("python3", "-u", "-c", _BOOT)


def boot_input() -> bytes:
    source = text("agent.py").encode()
    return b"%d\n" % len(source) + source


def bridge_command() -> tuple[str, ...]:
    return ("python3", "-u", "-c", text("bridge.py"))
