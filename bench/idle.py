"""Memory of an idle installation: proportional set size of `gantry up` and all it started.

    python bench/idle.py [--settle 30]

The engine's service is counted too and shown apart: it is podman's, and only there while idle
because Gantry keeps its socket open.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from bench.launch import gantry


def pss(pid: int) -> int:
    """Bytes; 0 for a process that has gone."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) << 10 for line in text.splitlines() if line.startswith("Pss:"))


def processes(data: Path) -> dict[int, str]:
    """Those that work for this data dir: by environment, and their children, since PostgreSQL's
    write their titles over theirs."""
    commands: dict[int, str] = {}
    parents: dict[int, int] = {}
    found: set[int] = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        pid = int(entry.name)
        try:
            commands[pid] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            parents[pid] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if f"GANTRY_DATA_DIR={data}".encode() in (entry / "environ").read_bytes():
                found.add(pid)
        except OSError:
            continue
    while more := {p for p, parent in parents.items() if parent in found} - found:
        found |= more
    return {pid: commands[pid] for pid in found}


def name(command: str) -> str:
    if "postgres" in command:
        return "PostgreSQL"
    if "podman" in command or "conmon" in command:
        return "podman service"
    last = command.split()[-1]
    return f"gantry {last}" if last in ("web", "controller", "up") else ""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--settle", type=int, default=30)
    settle = parser.parse_args().settle
    home = Path(tempfile.mkdtemp(prefix="gantry-bench-"))
    home.chmod(0o711)
    data = home / "data"
    with gantry(data):
        time.sleep(settle)
        sums: dict[str, int] = {}
        for pid, command in processes(data).items():
            sums[name(command)] = sums.get(name(command), 0) + pss(pid)
    print("\n| idle | MB PSS |\n| --- | --- |")
    for what, size in sorted(sums.items()):
        print(f"| {what or 'other'} | {size / 1e6:.0f} |")
    own = sum(size for what, size in sums.items() if what != "podman service")
    print(f"| **web + controller + database** | **{own / 1e6:.0f}** |")


if __name__ == "__main__":
    main()
