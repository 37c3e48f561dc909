"""Finds out how podman must be run on this machine, and runs a podman service of Gantry's own.

Used by `scripts/`, `gantry up`, `gantry doctor` and the image builders, before anything is
installed: the standard library alone. Facts are read by `read_machine`, judged by `judge`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import getpass
import http.client
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from gantry.base import containers_conf
from gantry.base.errors import EngineUnreachable

# What podman asks for when nobody sets a limit; as root it does not look whether it may.
PODMAN_DEFAULT_LIMIT = 1048576
CAP_SYS_RESOURCE = 24
FULL_UID_MAP = ["0", "0", "4294967295"]
HELPER_DIRS = ("/usr/lib/podman", "/usr/libexec/podman", "/usr/local/libexec/podman")
CNI_DIRS = ("/usr/lib/cni", "/usr/libexec/cni", "/opt/cni/bin", "/usr/local/lib/cni")
PROGRAMS = (
    *("podman", "crun", "runc", "conmon", "iptables", "nft"),
    *("netavark", "newuidmap", "slirp4netns", "pasta"),
)
CONF_HEAD = "# Made by Gantry from this machine's own files; changes are lost.\n"
ARP_NOTIFY = Path("/proc/sys/net/ipv4/conf/all/arp_notify")
SBIN_DIRS = ("/usr/sbin", "/sbin", "/usr/local/sbin")


@dataclass(frozen=True)
class Problem:
    """What is wrong (`code` for programs, `sentence` for people) and the command that mends it."""

    code: str
    sentence: str
    cure: str
    blocks: bool = True  # False: pods run, but less well


@dataclass(frozen=True)
class EngineSetup:
    """How podman must be run here. None means: as it would run by itself."""

    executable: str
    runtime: str | None = None
    ulimits: list[str] | None = None
    storage_driver: str | None = None
    rootless: bool = False
    problems: list[Problem] = dataclasses.field(default_factory=list)

    @property
    def works(self) -> bool:
        return not any(problem.blocks for problem in self.problems)


@dataclass(frozen=True)
class Machine:
    """The facts the judgement rests on, as the kernel and the file system tell them."""

    euid: int
    user: str
    status: str  # /proc/self/status
    uid_map: str  # /proc/self/uid_map
    mountinfo: str  # /proc/self/mountinfo
    cgroup2_controllers: str  # cgroup.controllers at the root of the cgroup2 mount
    nofile: int  # hard limits; RLIM_INFINITY is -1
    nproc: int
    pid_max: int
    programs: dict[str, str]  # name -> path of what is installed
    cni: bool
    subuid: str
    subgid: str
    tun: bool  # /dev/net/tun may be opened
    user_namespaces: int
    configured: containers_conf.Table
    storage: str  # name of the storage driver someone chose or already filled, or ""


def probe_engine() -> EngineSetup:
    """How podman must be run here, and what is missing. Milliseconds: it starts no program."""
    return judge(read_machine())


def judge(machine: Machine) -> EngineSetup:
    rootless = machine.euid != 0
    runtime, problems = _runtime(machine)
    problems += _missing_programs(machine)
    if rootless:
        problems += _rootless_problems(machine)
    return EngineSetup(
        executable=machine.programs.get("podman", "podman"),
        runtime=runtime,
        ulimits=_ulimits(machine),
        # Left to itself a rootless podman 4 copies every image for every container (vfs).
        storage_driver="overlay" if rootless and not machine.storage else None,
        rootless=rootless,
        problems=problems,
    )


def _runtime(machine: Machine) -> tuple[str | None, list[Problem]]:
    """crun refuses a cgroup v1 machine on which cgroup2 holds a controller too; runc does not."""
    chosen = machine.configured.get("engine", {}).get("runtime", "")
    kinds = set(_cgroup_mounts(machine.mountinfo))
    if not kinds:
        return None, [
            Problem(
                "cgroups_missing",
                "No control group file system is mounted, so no container can start.",
                "mount -t cgroup2 none /sys/fs/cgroup",
            )
        ]
    hybrid = kinds == {"cgroup", "cgroup2"} and bool(machine.cgroup2_controllers.strip())
    if hybrid and (not chosen or Path(chosen).name == "crun"):
        if "runc" in machine.programs:
            return "runc", []
        return None, [
            Problem(
                "runtime_missing",
                "This machine mixes control groups v1 and v2, which the runtime crun refuses.",
                "apt-get install -y runc",
            )
        ]
    if not chosen and not {"crun", "runc"} & machine.programs.keys():
        sentence = "Neither of the container runtimes crun and runc is installed."
        return None, [Problem("runtime_missing", sentence, "apt-get install -y crun")]
    return None, []


def _cgroup_mounts(mountinfo: str) -> dict[str, str]:
    """File system kind (`cgroup`, `cgroup2`) -> a mount point of it under /sys/fs/cgroup."""
    found = {}
    for line in mountinfo.splitlines():
        before, dash, after = line.partition(" - ")
        fields, kind = before.split(), after.partition(" ")[0]
        under = dash and len(fields) > 4 and fields[4].startswith("/sys/fs/cgroup")
        if under and kind in ("cgroup", "cgroup2"):
            found[kind] = fields[4]
    return found


def _ulimits(machine: Machine) -> list[str] | None:
    """The limits to ask for instead of podman's, when this process may not raise its own."""
    if machine.euid != 0 or _may_raise_limits(machine):
        return None
    already = {
        str(entry).partition("=")[0]
        for entry in machine.configured.get("containers", {}).get("default_ulimits", [])
    }
    # podman lowers its own nproc to pid_max first, and then cannot give a container more.
    processes = min(machine.nproc, machine.pid_max) if machine.nproc >= 0 else machine.pid_max
    wanted = []
    for name, hard in (("nofile", machine.nofile), ("nproc", processes)):
        if name not in already and 0 <= hard < PODMAN_DEFAULT_LIMIT:
            wanted.append(f"{name}={hard}:{hard}")
    return wanted or None


def _may_raise_limits(machine: Machine) -> bool:
    found = re.search(r"^CapEff:\s*([0-9a-f]+)", machine.status, re.MULTILINE)
    capable = found is not None and int(found[1], 16) >> CAP_SYS_RESOURCE & 1 == 1
    # In a user namespace the capability counts for the namespace only, not for limits.
    return capable and machine.uid_map.split() == FULL_UID_MAP


def _missing_programs(machine: Machine) -> list[Problem]:
    have, problems = machine.programs, []
    if "podman" not in have:
        problems.append(
            Problem("podman_missing", "podman is not installed.", "apt-get install -y podman")
        )
    if "conmon" not in have:
        sentence = "conmon, which watches over each container for podman, is not installed."
        problems.append(Problem("conmon_missing", sentence, "apt-get install -y conmon"))
    if "netavark" not in have and not machine.cni:
        sentence = "netavark, which makes podman's networks, is not installed."
        cure = "apt-get install -y netavark aardvark-dns"
        problems.append(Problem("network_missing", sentence, cure))
    if not {"iptables", "nft"} & have.keys():
        sentence = "Neither iptables nor nft is installed; podman needs one for its networks."
        problems.append(Problem("firewall_missing", sentence, "apt-get install -y iptables"))
    return problems


def _rootless_problems(machine: Machine) -> list[Problem]:
    problems = []
    if "newuidmap" not in machine.programs:
        sentence = "newuidmap, which gives a user's containers their user ids, is not installed."
        problems.append(Problem("uidmap_missing", sentence, "apt-get install -y uidmap"))
    names = (f"{machine.user}:", f"{machine.euid}:")
    if not all(
        any(line.startswith(names) for line in text.splitlines())
        for text in (machine.subuid, machine.subgid)
    ):
        sentence = f"The user {machine.user} has no range of subordinate user and group ids."
        ids = "100000-165535"
        cure = f"usermod --add-subuids {ids} --add-subgids {ids} {machine.user}"
        problems.append(Problem("subuids_missing", sentence, f"{cure} && podman system migrate"))
    if not {"slirp4netns", "pasta"} & machine.programs.keys():
        sentence = "Neither slirp4netns nor pasta is installed: pods would have no network."
        problems.append(Problem("slirp_missing", sentence, "apt-get install -y slirp4netns"))
    if not machine.tun:
        sentence = "/dev/net/tun may not be opened by this user: pods would have no network."
        problems.append(Problem("tun_closed", sentence, "chmod 666 /dev/net/tun"))
    if machine.user_namespaces == 0:
        sentence = "The kernel lets no ordinary user make user namespaces."
        cure = "sysctl -w user.max_user_namespaces=28633"
        problems.append(Problem("user_namespaces_off", sentence, cure))
    if "cgroup" in _cgroup_mounts(machine.mountinfo):
        sentence = "With control groups v1 a rootless podman ignores memory, cpu and pids limits."
        cure = "run Gantry as root, or boot with systemd.unified_cgroup_hierarchy=1"
        problems.append(Problem("limits_ignored", sentence, cure, blocks=False))
    return problems


def read_machine() -> Machine:
    mountinfo = _read("/proc/self/mountinfo")
    cgroup2 = _cgroup_mounts(mountinfo).get("cgroup2", "/sys/fs/cgroup")
    return Machine(
        euid=os.geteuid(),
        user=_user_name(),
        status=_read("/proc/self/status"),
        uid_map=_read("/proc/self/uid_map"),
        mountinfo=mountinfo,
        cgroup2_controllers=_read(f"{cgroup2}/cgroup.controllers"),
        nofile=resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        nproc=resource.getrlimit(resource.RLIMIT_NPROC)[1],
        pid_max=_read_number("/proc/sys/kernel/pid_max"),
        programs=_installed(),
        cni=any(Path(folder, "bridge").exists() for folder in CNI_DIRS),
        subuid=_read("/etc/subuid"),
        subgid=_read("/etc/subgid"),
        tun=os.access("/dev/net/tun", os.R_OK | os.W_OK),
        user_namespaces=_read_number("/proc/sys/user/max_user_namespaces"),
        configured=containers_conf.read_configured(),
        storage=containers_conf.storage_driver_in_use(),
    )


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""  # absent here: judged as such


def _read_number(path: str) -> int:
    text = _read(path).strip()
    return int(text) if text.isdigit() else -1


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.geteuid())


def _installed() -> dict[str, str]:
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *SBIN_DIRS, *HELPER_DIRS))
    found = {name: shutil.which(name, path=path) for name in PROGRAMS}
    return {name: where for name, where in found.items() if where}


def write_containers_conf(directory: Path, setup: EngineSetup) -> Path | None:
    """Write Gantry's own containers.conf into `directory`; None when podman needs none.

    It holds what the machine's files say as well, since podman then reads no other.
    """
    if not setup.runtime and not setup.ulimits:
        return None
    table = containers_conf.read_configured()
    if setup.runtime:
        table.setdefault("engine", {})["runtime"] = setup.runtime
    if setup.ulimits:
        containers = table.setdefault("containers", {})
        containers["default_ulimits"] = [*containers.get("default_ulimits", []), *setup.ulimits]
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "containers.conf"
    text = CONF_HEAD + containers_conf.dump(table)
    if _read(str(path)) != text:
        fresh = directory / f".containers.conf.{os.getpid()}"
        fresh.write_text(text)
        fresh.replace(path)  # a podman that starts meanwhile reads the old or the new, whole
    return path


def engine_environment(setup: EngineSetup, conf: Path | None) -> dict[str, str]:
    """The environment podman's command line and service are started with."""
    env = dict(os.environ)
    if conf is not None:
        env["CONTAINERS_CONF"] = str(conf)
    if setup.storage_driver:
        env.setdefault("STORAGE_DRIVER", setup.storage_driver)
    # Another engine's address must not lead our own podman elsewhere.
    for name in ("CONTAINER_HOST", "DOCKER_HOST"):
        env.pop(name, None)
    return env


@dataclass(frozen=True)
class EngineService:
    """A podman service on `socket`; `process` is None when it already ran."""

    socket: Path
    process: subprocess.Popen[bytes] | None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def stop(self) -> None:
        """End the service, if it is ours. Containers go on: each has its own conmon."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def start_service(run_dir: Path, setup: EngineSetup, *, wait: float = 15.0) -> EngineService:
    """Have a podman service answer on `run_dir`/podman.sock; one that already does is taken."""
    path = run_dir.resolve() / "podman.sock"
    if len(os.fsencode(path)) > 107:
        cure = "Choose a shorter data directory (GANTRY_DATA_DIR)."
        raise EngineUnreachable(f"The socket's name is too long for Linux: {path}.", cure=cure)
    if ping(path):
        return EngineService(path, None)
    run_dir.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    if not setup.rootless:
        announce_bridges()
    conf = write_containers_conf(run_dir, setup)
    log_path = run_dir / "podman-service.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [setup.executable, "system", "service", "--time=0", f"unix://{path}"],
            env=engine_environment(setup, conf),
            cwd=run_dir,  # conmon writes a file `oom` where it stands when a pod ran out of memory
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for Gantry, which still needs the engine to tidy up
        )
    service, deadline = EngineService(path, process), time.monotonic() + wait
    while not ping(path):
        if process.poll() is not None or time.monotonic() > deadline:
            service.stop()
            tail = _read(str(log_path)).strip()[-500:]
            raise EngineUnreachable(
                f"podman's service did not start: {tail or 'it says nothing'}",
                cure="Run `gantry doctor`.",
            )
        time.sleep(0.02)
    return service


def announce_bridges() -> None:
    """Have the kernel tell pods when their gateway's hardware address changes.

    A bridge wears the lowest address of its ports, so a pod that starts or ends may change it;
    unannounced, the connections of all other pods hang until their ARP entries run out (seen: half
    a minute, with podman 4.3 and netavark 1.4).
    """
    with contextlib.suppress(OSError):  # a container, or a kernel that forbids it: as before
        ARP_NOTIFY.write_text("1")


def ping(path: Path) -> bool:
    """Does an engine answer on this socket?"""
    connection = http.client.HTTPConnection("engine", timeout=5)
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(5)
    try:
        client.connect(str(path))
        connection.sock = client
        connection.request("GET", "/_ping")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        client.close()


def main() -> int:
    """Print each problem and its cure; exit 1 when pods cannot run here."""
    setup = probe_engine()
    for problem in setup.problems:
        print(f"{problem.code}: {problem.sentence}\n    {problem.cure}")
    return 0 if setup.works else 1


if __name__ == "__main__":
    sys.exit(main())
