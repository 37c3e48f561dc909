"""Streams to a real agent: cut, stale, wrong or new; every frame comes exactly once, in order."""

from __future__ import annotations

import struct
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gantry.pods.frames import Frame, Order, order
from tests.pods.agent.pod import Pod, wait_for


def test_the_agent_stays_until_its_last_frame_is_acknowledged(pod: Pod) -> None:
    stream = pod.start(pod.head("echo", "hello"))

    stream.end(ack=False)

    assert pod.process.poll() is None
    stream.ack()
    assert pod.exit_code() == 0


def test_the_agent_does_not_wait_for_ever(pod: Pod) -> None:
    stream = pod.start(pod.head("true", acknowledge_wait=0.2))

    stream.end(ack=False)

    assert pod.exit_code() == 3


def test_a_second_controller_goes_on_at_its_frame_while_the_first_stream_is_open(
    pod: Pod,
) -> None:
    first = pod.start(pod.python("for n in range(100): say(n)\n"))
    first.end(ack=False)
    resume = first.frames[40].sequence

    second = pod.connect()
    second.hello(epoch=2, resume_from=resume)

    assert second.welcome() == {"state": "ended", "sequence": 102, "oldest": resume + 1}
    second.end()
    assert second.recorded == list(range(resume + 1, 103))
    assert pod.exit_code() == 0
    assert first.recorded == list(range(1, 103))


def test_a_controller_put_out_can_acknowledge_nothing_more(pod: Pod) -> None:
    first = pod.start(pod.head("true"))
    first.end(ack=False)
    second = pod.connect()
    second.hello(epoch=2)
    second.end(ack=False)

    first.ack(99)
    first.send(Order.CANCEL, {"reason": "canceled"})

    third = pod.connect()
    third.hello(epoch=3)
    third.end()
    assert third.recorded == second.recorded == [1, 2]


@pytest.mark.parametrize(
    "hello", [{"epoch": 4}, {"epoch": 9, "token": "guessed"}], ids=["stale epoch", "wrong token"]
)
def test_a_controller_without_the_lease_is_refused(pod: Pod, hello: dict[str, object]) -> None:
    pod.first.hello(epoch=5)
    pod.first.welcome()
    stranger = pod.connect()

    stranger.hello(**hello)  # type: ignore[arg-type]
    stranger.ends()

    assert stranger.frames == []
    pod.first.payload(pod.head("echo", "undisturbed"))
    assert pod.first.end()["rc"] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        order(Order.HELLO, b"{"),
        struct.pack(">BI", Order.HELLO, 0xFFFFFFFF),
        order(Order.ACK, b""),
    ],
)
def test_nonsense_on_the_socket_ends_only_its_own_stream(pod: Pod, wrong: bytes) -> None:
    pod.first.hello()
    pod.first.welcome()
    stranger = pod.connect()

    stranger.write(wrong)
    stranger.ends()

    pod.first.payload(pod.head("echo", "undisturbed"))
    assert pod.first.end()["rc"] == 0


def test_standard_input_at_its_end_does_not_end_the_job(pod: Pod) -> None:
    pod.start(pod.python("sys.stdin.readline; say(1)\n"))
    assert pod.process.stdin is not None
    pod.process.stdin.close()

    second = pod.connect()
    second.hello(epoch=2)

    assert second.end()["rc"] == 0
    assert second.recorded == [1, 2, 3]


def test_a_stream_nobody_reads_is_left_for_a_new_one(pod: Pod) -> None:
    """The first one's pipe is full in the middle of a frame when the second comes."""
    pod.start(pod.python("for n in range(40): say(n, 100_000)\n"))

    second = pod.connect()
    second.hello(epoch=2)

    second.end()
    assert [e["uuid"] for e in second.events] == [str(n) for n in range(40)]
    assert pod.exit_code() == 0


def test_a_full_spool_stops_the_program_and_loses_nothing(pod: Pod) -> None:
    program = "for n in range(60): say(n, 100_000)\nopen('done', 'w').close()"
    stream = pod.start(pod.python(program, spool=300_000))

    stream.until(lambda: sum(len(f.body) for f in stream.frames) >= 300_000)

    # 6 MB to say, of which the spool and the pipe hold not 3.
    assert not (pod.home / "done").exists()
    stream.ack()
    assert stream.end()["rc"] == 0
    assert [e["uuid"] for e in stream.events] == [str(n) for n in range(60)]
    assert stream.recorded == list(range(1, 63))


def test_a_program_that_ends_while_the_spool_is_full_is_heard_to_its_end(pod: Pod) -> None:
    program = "for n in range(30): say(n, 10_000)\nprint('bye')\nopen('done', 'w').close()"
    stream = pod.start(pod.python(program, spool=20_000))
    wait_for((pod.home / "done").exists)

    end = stream.end()

    assert (end["rc"], end["reason"]) == (0, "exited")
    said = [e["uuid"] for e in stream.events if e["stdout"] != "bye"]
    assert said == [str(n) for n in range(30)]
    assert "bye\n" in stream.text


class Reader:
    """A controller that is cut at any byte, keeps what it recorded, and comes again."""

    def __init__(self, pod: Pod) -> None:
        self.pod, self.epoch, self.stream = pod, 1, pod.first
        self.recorded: list[Frame] = []

    @property
    def last(self) -> int:
        return self.recorded[-1].sequence if self.recorded else 0

    def take(self, size: int, *, ack: bool) -> None:
        for frame in self.stream.read(size) or []:
            if frame.sequence > self.last:
                self.recorded.append(frame)
        if ack and self.last:
            self.stream.ack(self.last)

    def reconnect(self) -> None:
        self.epoch += 1
        self.stream = self.pod.connect()
        self.stream.hello(self.epoch, self.last)


STEP = st.tuples(st.integers(1, 5000), st.booleans(), st.integers(0, 5).map(lambda n: n == 0))


@given(st.lists(STEP, max_size=25), st.sampled_from([2_000, 50_000, 1 << 20]))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_frame_comes_once_and_in_order_whatever_is_cut_or_acknowledged(
    steps: list[tuple[int, bool, bool]], spool: int
) -> None:
    with TemporaryDirectory(prefix="gantry-pod-") as home:
        pod = Pod(Path(home))
        try:
            pod.start(pod.python("for n in range(80): say(n, n * 37 % 1500)\n", spool=spool))
            reader = Reader(pod)
            for size, ack, cut in steps:
                if any(f.kind == 4 for f in reader.recorded):
                    break
                # A full spool says no more until it is acknowledged.
                reader.take(size, ack=ack or spool < 1 << 20)
                if cut:
                    reader.reconnect()
            while not any(f.kind == 4 for f in reader.recorded):
                reader.take(1 << 16, ack=True)
            reader.stream.ack(reader.last)
            assert pod.exit_code() == 0
        finally:
            pod.close()
        assert [f.sequence for f in reader.recorded] == list(range(1, 83))
        bodies = [f.body for f in reader.recorded if f.kind == 1]
        assert [b.split(b'"')[3] for b in bodies] == [b"%d" % n for n in range(80)]
        counters = [f.counter for f in reader.recorded if f.kind == 1]
        assert counters == list(range(1, 81))
