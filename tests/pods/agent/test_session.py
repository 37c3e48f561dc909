from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import pytest

from gantry.pods.agent.session import WINDOW, Session
from gantry.pods.agent.spool import Spool
from gantry.pods.agent.wire import EVENT, Malformed
from gantry.pods.frames import FrameDecoder, Order, order

BODY = 100_000


@pytest.fixture
def pair() -> Iterator[tuple[Session, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        yield Session(ours.fileno(), ours.fileno()), theirs


def exchange(session: Session, spool: Spool, theirs: socket.socket) -> bytes:
    """All that the session sends when its stream is read at once."""
    got = b""
    while session.send(spool) or session.busy:
        try:
            got += theirs.recv(1 << 20)
        except BlockingIOError:
            break
    try:
        while data := theirs.recv(1 << 20):
            got += data
    except BlockingIOError:
        return got
    return got


def test_no_more_is_on_its_way_than_the_window_and_one_frame(
    pair: tuple[Session, socket.socket],
) -> None:
    session, theirs = pair
    spool = Spool()
    for _ in range(3 * WINDOW // BODY):
        spool.add(EVENT, b"x" * BODY)
    session.sent = 0

    first = exchange(session, spool, theirs)

    assert WINDOW <= len(first) <= WINDOW + BODY + 100
    decoder = FrameDecoder()
    last = list(decoder.feed(first))[-1].sequence
    session.acknowledge(last - 1)
    second = list(decoder.feed(exchange(session, spool, theirs)))
    assert [f.sequence for f in second] == list(range(last + 1, last + 1 + len(second)))
    assert abs(len(second) - (last - 1)) <= 1


def test_nothing_is_sent_before_hello(pair: tuple[Session, socket.socket]) -> None:
    session, theirs = pair
    spool = Spool()
    spool.add(EVENT, b"secret")

    assert exchange(session, spool, theirs) == b""


def test_orders_are_whole_however_they_are_cut(pair: tuple[Session, socket.socket]) -> None:
    session, theirs = pair
    hello = b'{"token": "t", "epoch": 3, "resume_from": 7}'
    sent = order(Order.HELLO, hello) + order(Order.ACK, struct.pack(">Q", 9))
    sent += order(Order.BLOB, b"abc") + order(Order.BLOB)
    got = []
    for byte in sent:
        theirs.send(bytes([byte]))
        assert session.receive()
        got += list(session.orders())

    assert got == [
        (Order.HELLO, {"token": "t", "epoch": 3, "resume_from": 7}),
        (Order.ACK, 9), (Order.BLOB, b"abc"), (Order.BLOB, b""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        order(Order.HELLO, b"{"),
        order(Order.HELLO, b'{"token": "t"}'),
        order(Order.ACK, b"123"),
        order(Order.PAYLOAD, b"[]"),
        struct.pack(">BI", 99, 0),
        struct.pack(">BI", Order.HELLO, 1 << 31),
    ],
)
def test_what_no_controller_sends_is_malformed(
    pair: tuple[Session, socket.socket], wrong: bytes
) -> None:
    session, theirs = pair
    theirs.send(wrong)
    session.receive()

    with pytest.raises(Malformed):
        list(session.orders())
