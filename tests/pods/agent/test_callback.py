"""The callback in the pod against its model: ansible-runner's `awx_display`.

Every run is a real `ansible-playbook` of the environment under test (`GANTRY_TEST_PYTHON` names
another one), and the model's events come from a real `ansible-runner` on the same playbook.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

CALLBACK = Path(__file__).parents[3] / "src/gantry/pods/agent/callback.py"
FIXTURES = Path(__file__).parent / "fixtures"
BIN = Path(os.environ.get("GANTRY_TEST_PYTHON", sys.executable)).parent
FORCED = {
    "ANSIBLE_FORCE_COLOR": "True",
    "ANSIBLE_HOST_KEY_CHECKING": "False",
    "ANSIBLE_NOCOWS": "1",
    "LC_ALL": "C.UTF-8",
}


@dataclass
class Run:
    code: int
    events: list[dict[str, Any]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    output: str = ""

    def named(self, *names: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] in names]

    @property
    def text(self) -> str:
        """What a reader of the events sees, put together as the frames say."""
        parts = (
            event["stdout"] + "\r\n" * (lines - event["stdout"].count("\n"))
            for event, lines in zip(self.events, self.lines, strict=True)
        )
        return "".join(parts)


def read_frames(end: socket.socket, into: list[tuple[int, bytes]]) -> None:
    with end.makefile("rb") as stream:
        while head := stream.read(8):
            size, lines = struct.unpack(">II", head)
            into.append((lines, stream.read(size)))


def environment(tmp: Path, **extra: str) -> dict[str, str]:
    plugins = tmp / "plugins"
    plugins.mkdir(exist_ok=True)
    shutil.copy(CALLBACK, plugins / "gantry_events.py")
    keep = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    own = {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "HOME": str(tmp),
        "ANSIBLE_CALLBACK_PLUGINS": str(plugins),
        "ANSIBLE_STDOUT_CALLBACK": "gantry_events",
    }
    return {**keep, **FORCED, **own, **extra}


def play(tmp: Path, playbook: Path | str, *args: str, **extra: str) -> Run:
    """Runs ansible-playbook with the callback, and its end of the socket in our hands."""
    if isinstance(playbook, str):
        (tmp / "play.yml").write_text(playbook)
        playbook = tmp / "play.yml"
    ours, theirs = socket.socketpair()
    frames: list[tuple[int, bytes]] = []
    reader = threading.Thread(target=read_frames, args=(ours, frames))
    reader.start()
    with theirs:
        fd = theirs.fileno()
        done = subprocess.run(
            [BIN / "ansible-playbook", playbook, *args],
            env=environment(tmp, GANTRY_EVENTS_FD=str(fd), **extra),
            pass_fds=[fd],
            cwd=tmp,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    reader.join(30)
    ours.close()
    return Run(
        done.returncode,
        [orjson.loads(body) for _, body in frames],
        [lines for lines, _ in frames],
        done.stdout,
    )


def play_by_runner(tmp: Path, playbook: Path, *args: str) -> Run:
    """The same by ansible-runner: the model."""
    private = tmp / "private"
    (private / "project").mkdir(parents=True)
    (private / "env").mkdir()
    (private / "env" / "cmdline").write_text(" ".join(args))
    env = environment(tmp)
    for key in ("ANSIBLE_CALLBACK_PLUGINS", "ANSIBLE_STDOUT_CALLBACK"):
        del env[key]
    command = [BIN / "ansible-runner", "run", private, "-p", str(playbook), "-q", "--ident", "x"]
    done = subprocess.run(command, env=env, cwd=tmp, stdin=subprocess.DEVNULL, check=False)
    files = (private / "artifacts" / "x" / "job_events").glob("*.json")
    events = sorted((json.loads(file.read_text()) for file in files), key=lambda e: e["counter"])
    return Run(done.returncode, events)


# ---- comparing with the model -----------------------------------------------------------------

VOLATILE = {
    "pid", "created", "counter", "start_line", "end_line", "runner_ident", "start", "end",
    "duration", "delta", "jid", "ansible_job_id", "results_file", "ansible_facts",
    "before_header", "after_header",
}  # fmt: skip
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?:_\d+)?")
NOISE = re.compile(
    r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\.\d+|\d:\d\d:\d\d\.\d+|j\d{6,}(?:\.\d+)?|"
    r"\d{9,}\.\d+|Skipping callback '\w+'|"
    r"ansible-(?:tmp|local)-[\w.-]+|\.?tmp[a-z0-9_]{8}|local-\d+\w*/\.\w+|"
    r"\.[a-z0-9_]{8}(?= TO|\"|$)|\S*(?:awx_display|gantry_events)\S*"
)


def labels(events: list[dict[str, Any]]) -> dict[str, str]:
    """A name for each id that does not hang on which host was quicker."""
    found: dict[str, str] = {}
    taken: dict[str, int] = {}
    for event in events:
        data = event["event_data"]
        label = f"{event['event']} {data.get('task', data.get('play'))} {data.get('host')}"
        taken[label] = taken.get(label, 0) + 1
        found.setdefault(event["uuid"], f"{label} {taken[label]}")
    return found


def comparable(run: Run, place: Path) -> list[Any]:
    """Host by host in order, with nothing in it that time, place or process decides."""
    names = labels(run.events)

    def same(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: same(item) for key, item in value.items() if key not in VOLATILE}
        if isinstance(value, list):
            return [same(item) for item in value]
        if isinstance(value, str):
            value = value.replace(str(place), "PLACE")
            value = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            return NOISE.sub("~", UUID.sub(lambda m: names.get(m[0], m[0]), value))
        return value

    rows = [
        {**same(event), "line_count": lines}
        for event, lines in zip(run.events, run.lines, strict=True)
    ]
    return sorted(rows, key=lambda row: row["event_data"].get("host") or "")


def both(tmp: Path, playbook: str, *args: str) -> tuple[Run, Run]:
    """(the model's run, ours), each in a place of its own."""
    runs = []
    for name, runner in (("model", play_by_runner), ("ours", play)):
        place = tmp / name
        (place / "work").mkdir(parents=True)
        more = ("-i", str(FIXTURES / "hosts.yml"), "-f", "1", "-e", f"work={place}/work", *args)
        runs.append(runner(place, FIXTURES / playbook, *more))
    model, ours = runs
    # What ansible says before it loads a callback is on the terminal only, in both.
    ends = [event["end_line"] - event["start_line"] for event in model.events]
    own = [(event, n) for event, n in zip(model.events, ends, strict=True) if "pid" in event]
    before = [event["stdout"] for event in model.events if "pid" not in event]
    model.events, model.lines = [event for event, _ in own], [n for _, n in own]
    assert NOISE.sub("~", ours.output.replace(str(tmp / "ours"), "")).splitlines() == [
        NOISE.sub("~", line.replace(str(tmp / "model"), "")) for line in before
    ]
    return model, ours


@pytest.mark.parametrize(
    ("playbook", "args"),
    [
        ("site.yml", ()),
        ("small.yml", ("-v", "--check", "--diff")),
        ("small.yml", ("-vvvv",)),
    ],
)
def test_the_events_are_those_of_ansible_runner(
    tmp_path: Path, playbook: str, args: tuple[str, ...]
) -> None:
    model, ours = both(tmp_path, playbook, *args)

    expected = comparable(model, tmp_path / "model")
    got = comparable(ours, tmp_path / "ours")
    for want, have in zip(expected, got, strict=False):
        assert have == want
    assert len(got) == len(expected)
    assert ours.code == model.code
    kinds = {event["event"] for event in ours.events}
    assert len(ours.events) > 20
    assert {"playbook_on_start", "playbook_on_stats", "runner_on_start", "runner_on_ok"} <= kinds


def test_only_the_keys_of_a_partial_event_are_sent(tmp_path: Path) -> None:
    run = play(tmp_path, HELLO, JOB_ID="7", PROJECT_UPDATE_ID="9")

    event = run.named("runner_on_ok")[0]
    assert set(event) == {
        "uuid", "event", "stdout", "event_data", "parent_uuid", "created", "pid",
        "job_id", "project_update_id",
    }  # fmt: skip
    assert (event["job_id"], event["project_update_id"]) == (7, 9)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", event["created"])
    assert "parent_uuid" not in run.named("playbook_on_start")[0]


# ---- what is shown ----------------------------------------------------------------------------

HELLO = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Hello
      debug: msg=hello
    - name: Skipped
      debug: msg=no
      when: false
"""


def test_without_an_agent_it_is_the_default_callback(tmp_path: Path) -> None:
    (tmp_path / "play.yml").write_text(HELLO)

    def output(callback: str, **extra: str) -> str:
        env = environment(tmp_path, ANSIBLE_STDOUT_CALLBACK=callback, **extra)
        command = [BIN / "ansible-playbook", "-v", tmp_path / "play.yml"]
        return subprocess.run(
            command, env=env, cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout

    assert output("gantry_events") == output("default")
    assert output("gantry_events", GANTRY_EVENTS_FD="97") == output("default")


def test_the_text_of_the_events_is_what_ansible_prints(tmp_path: Path) -> None:
    run = play(tmp_path, HELLO, "-i", "localhost,")

    shown = subprocess.run(
        [BIN / "ansible-playbook", tmp_path / "play.yml", "-i", "localhost,"],
        env=environment(tmp_path, ANSIBLE_STDOUT_CALLBACK="default"),
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True,
    ).stdout.decode()  # fmt: skip
    assert sorted(run.text.replace("\r\n", "\n").splitlines()) == sorted(shown.splitlines())
    assert run.output == ""


def test_the_options_of_the_default_callback_are_honoured(tmp_path: Path) -> None:
    run = play(
        tmp_path, HELLO, "--check",
        ANSIBLE_DISPLAY_SKIPPED_HOSTS="false",
        ANSIBLE_CHECK_MODE_MARKERS="true",
        ANSIBLE_SHOW_PER_HOST_START="true",
    )  # fmt: skip

    assert "skipping" not in run.text
    assert "[CHECK MODE]" in run.text
    assert "DRY RUN" in run.named("playbook_on_start")[0]["stdout"]
    assert "started TASK: Hello on localhost" in run.named("runner_on_start")[0]["stdout"]


def test_the_log_file_is_still_written(tmp_path: Path) -> None:
    log = tmp_path / "log"

    run = play(tmp_path, HELLO, ANSIBLE_LOG_PATH=str(log))

    text = log.read_text()
    assert text.count("ok: [localhost]") == 1
    assert text.count("localhost                  : ok=1") == 1  # log_only: without colour
    assert "\x1b" not in text
    assert "localhost                  : ok=1" not in run.text


# ---- text and size ----------------------------------------------------------------------------

ODD = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - odd:
"""


def test_no_result_can_break_the_json(tmp_path: Path) -> None:
    actions = tmp_path / "action_plugins"
    actions.mkdir()
    shutil.copy(FIXTURES / "odd.py", actions)

    run = play(tmp_path, ODD, "-v")

    result = run.named("runner_on_ok", "runner_on_failed")[0]["event_data"]["res"]
    assert result["bytes"].startswith("caf\N{REPLACEMENT CHARACTER}")
    assert result["nul"] == "a\0b"
    assert "\N{REPLACEMENT CHARACTER}" in result["lone"]
    assert result["nan"] in ("nan", None)
    assert run.named("playbook_on_stats")


BIG = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - debug:
        msg: "{{ ['\\u00e9' * 6000000, 'y' * 9000000] }}"
"""


def test_a_great_text_is_split_and_a_great_result_is_dropped(tmp_path: Path) -> None:
    run = play(tmp_path, BIG, ANSIBLE_NOCOLOR="1", ANSIBLE_FORCE_COLOR="0")

    first = run.events.index(run.named("runner_on_ok")[0])
    assert run.events[first]["event_data"]["res"] == {}
    parts = [run.events[first], *run.named("verbose")]
    assert [event["event"] for event in parts] == ["runner_on_ok", "verbose", "verbose"]
    assert all(len(event["stdout"].encode()) <= 8 * 1024 * 1024 for event in parts)
    text = "\r\n".join(
        ["ok: [localhost] => {", '    "msg": [', f'        "{chr(233) * 6000000}",',
         f'        "{"y" * 9000000}"', "    ]", "}"]
    )  # fmt: skip
    assert text in run.text


def test_the_limit_of_a_result_is_that_of_the_environment(tmp_path: Path) -> None:
    run = play(tmp_path, HELLO, MAX_EVENT_RES="10")

    assert run.named("runner_on_ok")[0]["event_data"]["res"] == {}
    assert run.named("playbook_on_stats")[0]["event_data"]["ok"] == {"localhost": 1}


# ---- the descriptor ---------------------------------------------------------------------------

CHILD = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - command: sh -c 'echo "fd=$GANTRY_EVENTS_FD."; ls -l /proc/self/fd'
"""


def test_what_ansible_starts_has_neither_the_descriptor_nor_its_number(tmp_path: Path) -> None:
    run = play(tmp_path, CHILD)

    shown = run.named("runner_on_ok")[0]["event_data"]["res"]["stdout"]
    assert "fd=." in shown
    assert "socket:" not in shown


MANY = """
- hosts: all
  connection: local
  gather_facts: false
  strategy: free
  tasks:
    - debug: msg={{ item }}
      loop: "{{ range(20) | list }}"
"""


def test_frames_are_whole_with_many_workers(tmp_path: Path) -> None:
    hosts = ",".join(f"h{n}" for n in range(12)) + ","

    run = play(tmp_path, MANY, "-i", hosts, "-f", "6", "-vvv")

    assert run.code == 0
    assert len(run.named("runner_item_on_ok")) == 240
    assert len({event["uuid"] for event in run.events}) == len(run.events)


def test_when_the_agent_is_gone_the_play_goes_on_and_prints(tmp_path: Path) -> None:
    (tmp_path / "play.yml").write_text(HELLO)
    ours, theirs = socket.socketpair()
    ours.close()

    with theirs:
        done = subprocess.run(
            [BIN / "ansible-playbook", tmp_path / "play.yml"],
            env=environment(tmp_path, GANTRY_EVENTS_FD=str(theirs.fileno())),
            pass_fds=[theirs.fileno()],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert done.returncode == 0
    assert "TASK [Hello]" in done.stdout
    assert "PLAY RECAP" in done.stdout
    assert "Exception" not in done.stderr


SLOW = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - debug: msg={{ item }}
      loop: "{{ range(5000) | list }}"
"""


def test_an_interrupt_tears_no_frame(tmp_path: Path) -> None:
    (tmp_path / "play.yml").write_text(SLOW)
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [BIN / "ansible-playbook", tmp_path / "play.yml"],
            env=environment(tmp_path, GANTRY_EVENTS_FD=str(theirs.fileno())),
            pass_fds=[theirs.fileno()],
            cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    # Ansible's own queue can lock up when it kills a worker that is writing: not for ever here.
    patience = threading.Timer(10, process.kill)
    patience.start()
    stream = ours.makefile("rb")
    events = []
    while head := stream.read(8):
        size, _ = struct.unpack(">II", head)
        events.append(orjson.loads(stream.read(size)))
        if len(events) == 100:
            process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    patience.cancel()
    stream.close()
    ours.close()

    assert process.returncode != 0
    assert 100 <= len(events) < 5000
