"""How often the loop looks for what is not there."""

from __future__ import annotations

from gantry.control.pace import LONGEST, Pace


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def looked(pace: Pace, clock: Clock, seconds: float) -> None:
    with pace:
        clock.now += seconds


def test_a_look_that_cost_much_is_followed_by_a_long_time_without() -> None:
    clock = Clock()
    pace = Pace(200, busy=20, clock=clock)
    assert pace.due(woken=False)
    looked(pace, clock, 0.1)
    clock.now += 19.9
    assert not pace.due(woken=False)
    clock.now += 0.2
    assert pace.due(woken=False)


def test_what_was_called_for_comes_sooner_and_is_not_forgotten() -> None:
    clock = Clock()
    pace = Pace(200, busy=20, clock=clock)
    looked(pace, clock, 0.1)
    clock.now += 1.0
    assert not pace.due(woken=True)
    clock.now += 1.1
    assert pace.due(woken=False)


def test_a_look_for_jobs_to_start_is_never_put_off_when_called_for() -> None:
    clock = Clock()
    pace = Pace(200, clock=clock)
    looked(pace, clock, 0.1)
    assert pace.due(woken=True)


def test_none_is_put_off_for_ever() -> None:
    clock = Clock()
    pace = Pace(200, clock=clock)
    looked(pace, clock, 60)
    clock.now += LONGEST
    assert pace.due(woken=False)


def test_the_first_look_is_due_at_once() -> None:
    for pace in (Pace(200), Pace(200, busy=20)):
        assert pace.due(woken=True)
        assert pace.due(woken=False)
