"""What a log server is told: everything once, from where it stands, in AWX's words."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.record import log_server
from tests.record.log_server import Told


def turn_on(server: Told | int, **more: Any) -> None:
    from gantry.resources.log_aggregator import change

    port = server if isinstance(server, int) else server.port
    given = {"HOST": f"http://127.0.0.1:{port}/in?key=1", "TYPE": "logstash", "ENABLED": True,
             "LOGGERS": ["job_events"], "TCP_TIMEOUT": 1}  # fmt: skip
    change({f"LOG_AGGREGATOR_{name}": value for name, value in (given | more).items()})


def plain(server: Told, protocol: str, **more: Any) -> None:
    turn_on(server, HOST="127.0.0.1", PORT=server.port, PROTOCOL=protocol, **more)


def forwarder() -> Any:
    from gantry.record.forward.process import Forwarder

    made = Forwarder()
    made.turn()  # begins now
    return made


def looking(made: Any) -> Any:
    """The same, about to see what was set since."""
    made.looked -= timedelta(hours=1)
    return made


def job(events: int, kind: str = "job", **fields: Any) -> Any:
    from gantry.resources import models as m

    made = m.Job if kind == "job" else m.SystemJob
    row = made.objects.create(kind=kind, name="j", **{"status": "running", **fields})
    say(row, events)
    return row


def say(row: Any, events: int, stdout: str = "ok") -> None:
    """As the recorder does it: the events, and how many there are."""
    from gantry.resources import models as m
    from gantry.resources.events import event_id

    told = m.UnifiedJob.objects.get(pk=row.pk).emitted_events
    m.JobEvent.objects.bulk_create(
        m.JobEvent(
            id=event_id(row.pk, n), job_id=row.pk, job_created=row.created, counter=n,
            event="runner_on_ok", uuid=f"u{n}", created=datetime.now(UTC), stdout=stdout,
            start_line=n - 1, end_line=n, event_data=json.dumps({"task": "t"}), host_name="web1",
        )
        for n in range(told + 1, told + events + 1)
    )  # fmt: skip
    m.UnifiedJob.objects.filter(pk=row.pk).update(emitted_events=told + events)


def counters(server: Told) -> list[int]:
    return [message["counter"] for message in server.messages()]


def settle(wanted: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not wanted():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_events_of_jobs_are_told_in_awxs_words(db: str) -> None:
    with log_server.http() as server:
        job(2)  # before forwarding was on
        turn_on(server, USERNAME="me", PASSWORD="s3cret")
        made = forwarder()
        update = job(1, "system_job")
        row = job(2)
        assert made.turn() == 3
        assert made.turn() == 0
    told = server.messages()
    assert server.paths == ["/in?key=1"] * 3
    assert server.headers[0]["Authorization"].startswith("Basic ")
    assert server.headers[0]["Content-Type"] == "application/json"
    first = next(m for m in told if m.get("job") == row.pk and m["counter"] == 1)
    assert {k: first[k] for k in ("level", "logger_name", "message", "event", "event_display")} == {
        "level": "INFO", "logger_name": "awx.analytics.job_events", "event": "runner_on_ok",
        "message": "Event data saved.", "event_display": "Host OK",
    }  # fmt: skip
    assert first["event_data"] == {"task": "t"}
    assert first["host_name"] == "web1"
    assert {"@timestamp", "host", "cluster_host_id", "tower_uuid", "stdout", "uuid"} <= set(first)
    assert [m["system_job"] for m in told if "system_job" in m] == [update.pk]


@pytest.mark.parametrize("kind", ["splunk", "sumologic"])
def test_collectors_of_lines_get_many_in_one_request(db: str, kind: str) -> None:
    with log_server.http() as server:
        turn_on(server, TYPE=kind, PASSWORD="s3cret")
        made = forwarder()
        job(30)
        assert made.turn() == 30
    assert len(server.lines) == 1
    told = server.messages()
    if kind == "splunk":
        assert server.headers[0]["Authorization"] == "Splunk s3cret"
        assert isinstance(told[0]["time"], float)
        told = [m["event"] for m in told]
    assert [m["counter"] for m in told] == list(range(1, 31))


def test_lines_over_tcp_tls_and_udp(db: str, tmp_path: Path) -> None:
    trust, pem = log_server.certificate(tmp_path)
    for protocol, serving, more in (
        ("tcp", log_server.tcp(), {}),
        ("tls", log_server.tcp(trust), {"CA_BUNDLE": pem}),
        ("udp", log_server.udp(), {}),
    ):
        with serving as server:
            plain(server, protocol, **more)
            made = forwarder()
            job(3)
            assert made.turn() == 3
            settle(lambda server=server: len(server.lines) == 3)  # type: ignore[misc]
            made.close()
        assert counters(server) == [1, 2, 3], protocol


def test_a_certificate_is_verified_unless_told_not_to(db: str, tmp_path: Path) -> None:
    from gantry.record.forward.senders import SendFailed

    trust, pem = log_server.certificate(tmp_path)
    with log_server.http(trust) as server:
        turn_on(server, HOST=f"127.0.0.1:{server.port}")
        made = forwarder()
        job(1)
        with pytest.raises(SendFailed):
            made.turn()
        turn_on(server, HOST=f"127.0.0.1:{server.port}", CA_BUNDLE=pem)
        assert looking(made).turn() == 1
        job(1)
        turn_on(server, HOST=f"127.0.0.1:{server.port}", CA_BUNDLE="", VERIFY_CERT=False)
        assert looking(made).turn() == 1


def test_what_a_dead_server_missed_is_told_when_it_is_back_and_nothing_twice(db: str) -> None:
    from gantry.record.forward.senders import SendFailed
    from gantry.resources.models import LogStream

    with log_server.http() as server:
        turn_on(server)
        made = forwarder()
        row = job(2)
        made.turn()
        server.answer = 503
        say(row, 3)
        with pytest.raises(SendFailed, match="answers 503"):
            made.turn()
        made.note("answers 503")
        assert LogStream.objects.get(name="job_events").problem == "answers 503"
        # The forwarder dies here; the next one goes on where the server's last answer was.
        server.answer = 200
        assert forwarder().turn() == 0  # its first turn told them
    assert sorted(counters(server)) == [1, 2, 3, 4, 5]
    assert LogStream.objects.get(name="job_events").problem == ""


def test_a_tcp_server_that_went_and_came_back(db: str) -> None:
    from gantry.record.forward.senders import SendFailed

    with log_server.tcp() as server:
        plain(server, "tcp")
        made = forwarder()
        row = job(1)
        made.turn()
        settle(lambda: len(server.lines) == 1)
        port = server.port
    made.sender.connection.shutdown(2)  # as the server's machine does when its process is gone
    say(row, 1)
    with pytest.raises(SendFailed, match=f"127.0.0.1:{port}"):
        made.turn()
    with log_server.tcp(port=port) as again:
        made.turn()
        settle(lambda: len(again.lines) == 1)
    assert counters(again) == [2]


def test_a_message_that_is_refused_does_not_hold_up_the_others(db: str) -> None:
    from gantry.resources.models import LogStream

    with log_server.http() as server:
        turn_on(server)
        made = forwarder()
        row = job(1)
        server.answer = 413
        made.turn()
        server.answer = 200
        say(row, 1)
        made.turn()
    found = LogStream.objects.get(name="job_events")
    assert (counters(server), found.sent, found.dropped) == ([2], 1, 1)


def test_beyond_the_limit_the_oldest_is_left_out_and_that_is_told(
    db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gantry.resources.models import LogStream

    with log_server.http() as server:
        turn_on(server, LOGGERS=["job_events", "awx"])
        made = forwarder()
        stream = made.streams[0]
        stream.size = float(1 << 30) / 10  # a gigabyte is ten messages
        old, new = job(8), job(7)
        looking(made).turn()
    told = [m for m in server.messages() if "counter" in m]
    assert sorted((m["job"], m["counter"]) for m in told) == [
        *((old.pk, n) for n in (6, 7, 8)), *((new.pk, n) for n in range(1, 8)),
    ]  # fmt: skip
    assert LogStream.objects.get(name="job_events").dropped == 5
    notes = [m for m in server.messages() if m["logger_name"] == "awx.gantry.record.forward"]
    assert notes[0]["message"].startswith("5 messages of job_events were not forwarded")


def test_changes_facts_and_log_lines_are_told_too(db: str) -> None:
    from gantry.record.forward.lines import Keep
    from gantry.resources import models as m

    with log_server.http() as server:
        turn_on(server, LOGGERS=["awx", "activity_stream", "system_tracking"], LEVEL="ERROR")
        made = forwarder()
        inventory = m.Inventory.objects.create(
            name="i", organization=m.Organization.objects.get(name="Default")
        )
        host = m.Host.objects.create(name="web1", inventory=inventory)
        m.HostFacts.objects.create(
            host=host, facts={"packages": {"a": [1], "b": [2]}, "ansible_os": "x",
                              "ansible_python": {"version": 3, "version_info": [3, 11]}},
        )  # fmt: skip
        found = datetime.now(UTC) - timedelta(seconds=3)
        made.streams[1].row.position["at"] = (found - timedelta(seconds=1)).isoformat()
        m.Host.objects.filter(pk=host.pk).update(ansible_facts_modified=found)
        handler = Keep()
        for level in (logging.ERROR, logging.WARNING):
            handler.emit(logging.LogRecord("gantry.x", level, "", 0, "it %s", ("broke",), None))
        handler.write_down()
        made.turn()
        turn_on(server, LOGGERS=["system_tracking"], INDIVIDUAL_FACTS=True)
        m.Host.objects.filter(pk=host.pk).update(ansible_facts_modified=found + timedelta(0, 0.5))
        looking(made).turn()
    by: dict[str, list[dict[str, Any]]] = {}
    for message in server.messages():
        by.setdefault(message["logger_name"], []).append(message)
    made_host = next(
        m
        for m in by["awx.analytics.activity_stream"]
        if (m["object1"], m["operation"]) == ("host", "create")
    )
    assert made_host["changes"]["name"] == "web1"
    facts = by["awx.analytics.system_tracking"]
    assert facts[0]["ansible_facts"]["ansible_python"] == {"version": 3}
    assert (facts[0]["host_name"], facts[0]["inventory_id"]) == ("web1", inventory.pk)
    apart = sorted((f["ansible_facts"] for f in facts[1:]), key=str)
    assert apart == [
        {"ansible_os": "x"}, {"ansible_python": {"version": 3}}, {"packages": {"a": [1]}},
        {"packages": {"b": [2]}},
    ]  # fmt: skip
    assert [(m["level"], m["message"]) for m in by["awx.gantry.x"]] == [("ERROR", "it broke")]
    assert not m.LogLine.objects.exists()


def test_the_process_forwards_alone_and_ends_with_its_controller(db: str) -> None:
    """Two are started; one works. Its death leaves the other to go on where it stood."""
    command = [sys.executable, "-m", "gantry.record.forward"]
    with log_server.http() as server:
        turn_on(server)
        forwarder().close()
        row = job(3)
        first, second = (
            subprocess.Popen(command, stdin=subprocess.PIPE, env=dict(os.environ)) for _ in range(2)
        )
        try:
            settle(lambda: len(server.lines) == 3)
            time.sleep(0.5)
            assert sorted(counters(server)) == [1, 2, 3]
            assert first.stdin is not None
            first.stdin.close()
            first.wait(10)
            say(row, 1)
            settle(lambda: len(server.lines) == 4)
        finally:
            for process in (first, second):
                process.kill()
                process.wait()
    assert sorted(counters(server)) == [1, 2, 3, 4]
