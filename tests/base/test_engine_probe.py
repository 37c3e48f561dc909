"""How podman must be run is judged from what the kernel says, and the judgement holds here."""

from __future__ import annotations

import dataclasses
import time
import tomllib
from pathlib import Path

import pytest

from gantry.base import containers_conf
from gantry.base import engine_probe as probe

UNIFIED = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
HYBRID = """31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""
ALL_CAPABILITIES = "Name:\tpython3\nCapEff:\t000001ffffffffff\n"
NO_SYS_RESOURCE = "Name:\tpython3\nCapEff:\t000001fffeffffff\n"

ORDINARY = probe.Machine(
    euid=0,
    user="root",
    status=ALL_CAPABILITIES,
    uid_map="         0          0 4294967295\n",
    mountinfo=UNIFIED,
    cgroup2_controllers="cpu io memory pids\n",
    nofile=1048576,
    nproc=127000,
    pid_max=4194304,
    programs={
        name: f"/usr/bin/{name}"
        for name in ("podman", "crun", "conmon", "netavark", "iptables", "newuidmap", "slirp4netns")
    },
    cni=False,
    subuid="ada:100000:65536\n",
    subgid="ada:100000:65536\n",
    tun=True,
    user_namespaces=127000,
    configured={},
    storage="",
)
ADA = dataclasses.replace(ORDINARY, euid=1000, user="ada")


def with_programs(machine: probe.Machine, *, add: str = "", drop: str = "") -> probe.Machine:
    kept = {name: path for name, path in machine.programs.items() if name != drop}
    return dataclasses.replace(machine, programs=kept | ({add: f"/usr/bin/{add}"} if add else {}))


def codes(machine: probe.Machine) -> list[str]:
    return [problem.code for problem in probe.judge(machine).problems]


def test_an_ordinary_machine_needs_nothing_of_gantrys_own(tmp_path: Path) -> None:
    setup = probe.judge(ORDINARY)

    assert setup == probe.EngineSetup("/usr/bin/podman")
    assert setup.works
    assert probe.write_containers_conf(tmp_path, setup) is None


def test_mixed_control_groups_need_runc() -> None:
    hybrid = dataclasses.replace(ORDINARY, mountinfo=HYBRID, cgroup2_controllers="hugetlb\n")

    assert codes(hybrid) == ["runtime_missing"]
    assert probe.judge(with_programs(hybrid, add="runc")).runtime == "runc"


def test_a_cgroup2_mount_without_controllers_is_fine_for_crun() -> None:
    systemd = dataclasses.replace(ORDINARY, mountinfo=HYBRID, cgroup2_controllers="\n")

    assert probe.judge(systemd) == probe.EngineSetup("/usr/bin/podman")


def test_a_runtime_someone_configured_is_left_alone() -> None:
    hybrid = dataclasses.replace(
        ORDINARY,
        mountinfo=HYBRID,
        cgroup2_controllers="hugetlb\n",
        configured={"engine": {"runtime": "/opt/bin/youki"}},
    )

    assert probe.judge(hybrid).runtime is None
    assert probe.judge(hybrid).works


def test_no_control_groups_at_all_is_said() -> None:
    assert codes(dataclasses.replace(ORDINARY, mountinfo="")) == ["cgroups_missing"]


def test_root_that_may_not_raise_limits_asks_for_those_it_has() -> None:
    bound = dataclasses.replace(ORDINARY, status=NO_SYS_RESOURCE, nofile=20000, nproc=96365)

    assert probe.judge(bound).ulimits == ["nofile=20000:20000", "nproc=96365:96365"]


def test_no_container_may_have_more_processes_than_podman_leaves_itself() -> None:
    bound = dataclasses.replace(ORDINARY, status=NO_SYS_RESOURCE, nproc=96365, pid_max=32768)

    assert probe.judge(bound).ulimits == ["nproc=32768:32768"]


def test_root_of_a_user_namespace_may_not_raise_limits_whatever_its_capabilities() -> None:
    inside = dataclasses.replace(ORDINARY, uid_map="0 100000 65536\n", nofile=20000)

    assert probe.judge(inside).ulimits == ["nofile=20000:20000", "nproc=127000:127000"]


def test_limits_someone_configured_and_limits_without_end_stay() -> None:
    bound = dataclasses.replace(
        ORDINARY,
        status=NO_SYS_RESOURCE,
        nofile=20000,
        nproc=-1,
        pid_max=4194304,
        configured={"containers": {"default_ulimits": ["nofile=1024:2048"]}},
    )

    assert probe.judge(bound).ulimits is None


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("podman", "podman_missing"),
        ("conmon", "conmon_missing"),
        ("netavark", "network_missing"),
        ("iptables", "firewall_missing"),
        ("crun", "runtime_missing"),
    ],
)
def test_what_is_not_installed_is_named_with_its_package(program: str, code: str) -> None:
    [problem] = probe.judge(with_programs(ORDINARY, drop=program)).problems

    assert problem.code == code
    assert problem.cure.startswith("apt-get install -y ")
    assert not probe.judge(with_programs(ORDINARY, drop=program)).works


def test_an_ordinary_user_with_all_that_rootless_needs_can_run_pods() -> None:
    setup = probe.judge(ADA)

    assert setup.rootless
    assert setup.works
    assert setup.ulimits is None
    assert setup.storage_driver == "overlay"


def test_a_store_that_already_holds_images_keeps_its_driver() -> None:
    assert probe.judge(dataclasses.replace(ADA, storage="vfs")).storage_driver is None


def test_what_rootless_lacks_is_named_with_its_cure() -> None:
    bare = dataclasses.replace(ADA, subuid="eve:1:2\n", tun=False, user_namespaces=0)
    bare = with_programs(with_programs(bare, drop="newuidmap"), drop="slirp4netns")

    problems = {problem.code: problem for problem in probe.judge(bare).problems}

    assert set(problems) == {
        "uidmap_missing",
        "subuids_missing",
        "slirp_missing",
        "tun_closed",
        "user_namespaces_off",
    }
    assert problems["subuids_missing"].cure.startswith("usermod --add-subuids")


def test_ignored_limits_are_a_warning_and_no_obstacle() -> None:
    setup = probe.judge(dataclasses.replace(ADA, mountinfo=HYBRID, cgroup2_controllers=""))

    assert [problem.code for problem in setup.problems] == ["limits_ignored"]
    assert setup.works


def test_gantrys_conf_repeats_what_the_machines_own_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = tmp_path / "theirs.conf"
    theirs.write_text(
        '[containers]\ndefault_ulimits = ["core=0:0"]\nenv = ["A=\\"b\\\\c"]\npids_limit = 7\n'
        'init = true\n[engine.runtimes]\nmy-own = ["/opt/x"]\n'
    )
    monkeypatch.setenv("CONTAINERS_CONF", str(theirs))
    setup = probe.EngineSetup("podman", runtime="runc", ulimits=["nofile=9:9"])

    path = probe.write_containers_conf(tmp_path / "run", setup)

    assert path is not None
    assert tomllib.loads(path.read_text()) == {
        "containers": {
            "default_ulimits": ["core=0:0", "nofile=9:9"],
            "env": ['A="b\\c'],
            "pids_limit": 7,
            "init": True,
        },
        "engine": {"runtimes": {"my-own": ["/opt/x"]}, "runtime": "runc"},
    }
    assert probe.write_containers_conf(tmp_path / "run", setup) == path
    assert [file.name for file in path.parent.iterdir()] == ["containers.conf"]


def test_a_conf_podman_would_refuse_does_not_stop_the_probe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.conf"
    broken.write_text("[containers\n")
    monkeypatch.setenv("CONTAINERS_CONF", str(broken))

    assert containers_conf.read_configured() == {}


@pytest.mark.engine
def test_the_probe_is_quick_and_a_service_started_by_it_answers(tmp_path: Path) -> None:
    before = time.monotonic()
    setup = probe.probe_engine()
    assert time.monotonic() - before < 1
    assert setup.works, setup.problems

    service = probe.start_service(tmp_path, setup)
    try:
        assert probe.ping(service.socket)
        assert probe.start_service(tmp_path, setup) == probe.EngineService(service.socket, None)
    finally:
        service.stop()
    assert not probe.ping(service.socket)


@pytest.mark.engine
def test_a_service_that_cannot_start_says_so(tmp_path: Path) -> None:
    setup = dataclasses.replace(probe.probe_engine(), executable="false")

    with pytest.raises(probe.EngineUnreachable, match="did not start"):
        probe.start_service(tmp_path, setup)
