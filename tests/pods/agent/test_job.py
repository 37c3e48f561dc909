"""A job in a real agent, from payload to END: stopped, timed out, failed to start, cleaned up."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from gantry.pods.agent.remains import PIECE
from gantry.pods.frames import Kind, Order
from tests.pods.agent.pod import Pod, tree, wait_for

STUBBORN = """
import signal
signal.signal(signal.SIGINT, lambda *_: os.write(1, b"asked\\n"))
signal.signal(signal.SIGTERM, lambda *_: os.write(1, b"told\\n"))
say(1)
while True:
    signal.pause()
"""
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nours\n-----END CERTIFICATE-----"


# -- stopping ---------------------------------------------------------------------------------


def test_cancel_asks_then_tells_then_kills(pod: Pod) -> None:
    stream = pod.start(pod.python(STUBBORN, grace=0.6))
    stream.until(lambda: bool(stream.recent(Kind.EVENT)))

    stream.send(Order.CANCEL, {"reason": "canceled"})

    end = stream.end()
    assert (end["rc"], end["reason"]) == (-signal.SIGKILL, "canceled")
    assert [e["stdout"] for e in stream.events[1:]] == ["asked", "told"]


def test_a_program_that_obeys_is_only_asked(pod: Pod) -> None:
    # Tests that run in the background of a shell are born with SIGINT ignored.
    obeys = "import signal, time\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    stream = pod.start(pod.python(obeys + "say(1)\nwhile True: time.sleep(0.02)"))
    stream.until(lambda: bool(stream.recent(Kind.EVENT)))

    stream.send(Order.CANCEL, {"reason": "canceled"})

    end = stream.end()
    assert (end["rc"], end["reason"]) == (-signal.SIGINT, "canceled")
    assert "KeyboardInterrupt" in stream.text


def test_the_first_of_two_cancels_stands(pod: Pod) -> None:
    stream = pod.start(pod.python(STUBBORN, grace=0.6))
    stream.until(lambda: bool(stream.recent(Kind.EVENT)))

    stream.send(Order.CANCEL, {"reason": "canceled"})
    stream.send(Order.CANCEL, {"reason": "another"})

    assert stream.end()["reason"] == "canceled"
    assert [e["stdout"] for e in stream.events[1:]] == ["asked", "told"]


def test_a_cancel_before_the_payload_ends_the_job_unbegun(pod: Pod) -> None:
    pod.first.hello()
    pod.first.send(Order.CANCEL, {"reason": "canceled"})
    pod.first.payload(pod.head("touch", "begun"))

    end = pod.first.end()

    assert (end["rc"], end["reason"]) == (None, "canceled")
    assert pod.exit_code() == 0
    assert not (pod.home / "begun").exists()


def test_a_pod_stopped_from_outside_stops_its_program(pod: Pod) -> None:
    stream = pod.start(pod.python("import signal\nsay(1)\nsignal.pause()"))
    stream.until(lambda: bool(stream.recent(Kind.EVENT)))

    pod.process.send_signal(signal.SIGTERM)

    assert stream.end()["reason"] == "terminated"


def test_a_signal_before_the_payload_is_no_half_begun_job(pod: Pod) -> None:
    pod.first.hello()
    pod.first.welcome()

    pod.process.send_signal(signal.SIGTERM)

    end = pod.first.end()
    assert (end["rc"], end["reason"]) == (None, "terminated")
    assert pod.first.recorded == [1]


def test_a_timeout_stops_the_program(pod: Pod) -> None:
    stream = pod.start(pod.python("import signal\nsignal.pause()", timeout=0.3))

    assert stream.end()["reason"] == "timeout"


@pytest.fixture
def outlive(make_pod: Callable[..., Pod]) -> Iterator[Callable[[float], None]]:
    """Waits until another pod, started now, has met the same timeout."""
    with TemporaryDirectory(prefix="gantry-pod-") as place:

        def wait(timeout: float) -> None:
            other = make_pod(place=Path(place))
            head = other.python("import signal\nsignal.pause()", timeout=timeout)
            assert other.start(head).end()["reason"] == "timeout"

        yield wait


def test_a_program_that_waits_for_its_controller_is_not_timed_out(
    pod: Pod, outlive: Callable[[float], None]
) -> None:
    program = "for n in range(40): say(n, 100_000)\n"
    stream = pod.start(pod.python(program, spool=100_000, timeout=3))
    stream.until(lambda: bool(stream.recent(Kind.EVENT)))

    outlive(3)

    end = stream.end()
    assert (end["rc"], end["reason"]) == (0, "exited")


def test_an_end_that_waits_for_room_is_not_called_a_timeout(
    pod: Pod, outlive: Callable[[float], None]
) -> None:
    program = "for n in range(5): say(n, 10_000)\nopen('done', 'w').close()"
    stream = pod.start(pod.python(program, spool=100, timeout=2))
    wait_for((pod.home / "done").exists)
    outlive(2)

    assert stream.end()["reason"] == "exited"


DAEMON = """
import os, signal
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    open("begun", "w").close()
    %s
while not os.path.exists("begun"):
    pass
print("bye")
"""


def test_a_daemon_that_holds_the_terminal_is_ended_with_its_job(first_pod: Pod) -> None:
    program = "import fcntl\nlock = open('lock', 'w')\nfcntl.flock(lock, fcntl.LOCK_EX)\n"
    stream = first_pod.start(first_pod.python(program + DAEMON % "signal.pause()"))

    assert stream.end(ack=False)["rc"] == 0

    assert stream.text == "bye\n"
    with open(first_pod.home / "lock") as lock:  # whoever held it is gone
        wait_for(lambda: free(lock.fileno()))


def free(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def test_a_daemon_that_never_stops_talking_does_not_hold_the_end(pod: Pod) -> None:
    """Out of the agent's reach here, which is no process 1; it ends when nobody reads it."""
    stream = pod.start(pod.python(DAEMON % "while True: say(2, 50_000)"))

    assert stream.end()["rc"] == 0


# -- what does not start ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"argv": ["ansible-playbook-of-nowhere"]}, "ansible-playbook-of-nowhere"),
        ({"cwd": "/nowhere"}, "/nowhere"),
        ({"argv": ["true", "a\0b"]}, "null byte"),
    ],
)
def test_a_program_that_cannot_be_executed_says_why(
    pod: Pod, values: dict[str, Any], words: str
) -> None:
    stream = pod.start(pod.head(**values) if "argv" not in values else pod.head() | values)

    end = stream.end()

    assert (end["rc"], end["reason"]) == (127, "exec")
    assert words in end["error"]


@pytest.mark.parametrize(
    ("values", "blob"),
    [
        ({}, b"no tar at all" * 100),
        ({}, tree({"a": "x" * 100_000})[:60]),
        ({"files": {"/proc/nowhere/x": (0o600, "")}}, b""),
        ({"files": {"x": (0o600, "a")}}, b""),
        ({"directories": 5}, b""),
    ],
    ids=["no tar", "cut tar", "no place", "no base64", "no list"],
)
def test_a_payload_that_cannot_be_unpacked_is_told_and_not_died_of(
    pod: Pod, values: dict[str, Any], blob: bytes
) -> None:
    stream = pod.start(pod.head() | values, blob)

    end = stream.end()

    assert (end["rc"], end["reason"]) == (None, "unpack")
    assert end["error"]
    assert pod.exit_code() == 0


# -- what goes in -----------------------------------------------------------------------------


def test_the_payload_is_there_when_the_program_starts(pod: Pod) -> None:
    head = pod.head(
        "sh", "-c", "cat project/site.yml env/secret; stat -c %a env/secret; echo $WORD",
        files={str(pod.home / "env/secret"): (0o600, "b3Blbgo=")}, env={"WORD": "there"},
        directories=[str(pod.home / "env")],
    )  # fmt: skip

    stream = pod.start(head, tree({"project/site.yml": "- hosts: all\n"}))

    assert stream.end()["rc"] == 0
    assert stream.text == "- hosts: all\nopen\n600\nthere\n"
    assert stream.recent(Kind.STARTED)[0].sequence == 1


def test_the_organizations_certificates_come_after_the_images_own(pod: Pod) -> None:
    path = str(pod.home / ".gantry/ca.pem")
    bundle = {"path": path, "extra": CERTIFICATE}

    pod.start(pod.head(ca_bundle=bundle)).end()

    text = Path(path).read_text()
    assert text.endswith(CERTIFICATE + "\n")
    own = Path("/etc/ssl/certs/ca-certificates.crt")
    if own.exists():
        assert text.startswith(own.read_text().rstrip("\n") + "\n-----BEGIN")


@pytest.fixture
def key(tmp_path: Path) -> str:
    if not shutil.which("ssh-keygen"):
        pytest.skip("no ssh-keygen here")
    path = tmp_path / "key"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)]
    subprocess.run(command, check=True)
    return path.read_text()


@pytest.mark.skipif(not shutil.which("ssh-agent"), reason="no ssh-agent here")
def test_keys_are_lent_by_an_ssh_agent_and_are_in_no_file(first_pod: Pod, key: str) -> None:
    head = first_pod.head("ssh-add", "-l", ssh_keys=[key], erase=[str(first_pod.home / "env")])

    stream = first_pod.start(head)

    assert stream.end()["rc"] == 0
    assert "ED25519" in stream.text
    assert not (first_pod.home / "env").exists()
    assert b"SSH_AUTH_SOCK" in stream.recent(Kind.STARTED)[0].body


@pytest.mark.skipif(not shutil.which("ssh-agent"), reason="no ssh-agent here")
def test_a_key_that_ssh_does_not_take_is_told_in_its_words(first_pod: Pod) -> None:
    end = first_pod.start(first_pod.head(ssh_keys=["no key"])).end()

    assert end["reason"] == "unpack"
    assert "ssh-add" in end["error"]
    assert "rror" in end["error"].partition(".")[2]


def test_without_an_ssh_agent_ansible_is_given_files(
    make_pod: Callable[..., Pod], home: Path
) -> None:
    programs = home / "bin"
    programs.mkdir()
    (programs / "sh").symlink_to("/bin/sh")
    (programs / "ansible-playbook").write_text('#!/bin/sh\necho "$@"\n')
    (programs / "ansible-playbook").chmod(0o755)
    pod = make_pod(PATH=str(programs))
    erased = str(home / "env")

    stream = pod.start(pod.head("ansible-playbook", "site.yml", ssh_keys=["a key"], erase=[erased]))

    assert stream.end()["erased"] == {"paths": [erased], "left": []}
    assert stream.text == f"--private-key {home}/env/ssh_key_0 site.yml\n"
    assert not Path(erased).exists()


def test_without_an_ssh_agent_another_program_keeps_its_arguments(
    make_pod: Callable[..., Pod], home: Path
) -> None:
    programs = home / "bin"
    programs.mkdir()
    (programs / "sh").symlink_to("/bin/sh")
    pod = make_pod(PATH=str(programs))

    stream = pod.start(pod.head("sh", "-c", "read x < env/ssh_key_0; echo $x", ssh_keys=["a key"]))

    assert stream.end()["rc"] == 0
    assert stream.text == "a key\n"


# -- what comes out, and what is left ---------------------------------------------------------


def test_artifacts_come_back_piece_by_piece_through_a_small_spool(pod: Pod) -> None:
    content = os.urandom(3 * PIECE + 5)
    (pod.home / "tree").write_bytes(content)
    os.mkfifo(pod.home / "pipe")
    wanted = {name: str(pod.home / name) for name in ("tree", "pipe", "absent")}

    stream = pod.start(pod.head(artifacts=wanted, erase=list(wanted.values()), spool=PIECE))

    assert stream.end()["erased"]["left"] == []
    bodies = [f.body for f in stream.recent(Kind.ARTIFACT)]
    assert [b[:10] for b in bodies] == [b"\0\4\0\0\0%ctree" % n for n in range(4)]
    assert b"".join(b[10:] for b in bodies) == content


def test_secrets_are_gone_before_the_end_is_told(pod: Pod) -> None:
    elsewhere = pod.home / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    program = (
        "mkdir -p env/deep; echo s > env/deep/secret; chmod 0 env/deep; "
        "ln -s $PWD/elsewhere project; echo s > file"
    )
    erased = [str(pod.home / name) for name in ("env", "project", "file", "absent")]

    stream = pod.start(pod.head("sh", "-c", program, erase=erased))

    assert stream.end(ack=False)["erased"] == {"paths": erased, "left": []}
    assert not any(os.path.lexists(path) for path in erased)
    assert (elsewhere / "kept").exists()
