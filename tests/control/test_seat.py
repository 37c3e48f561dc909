"""The instance that a controller works from: what stays when it ends, and who sits down next."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from tests.control.test_places import seated

SITTING = """
import django
django.setup()
from gantry.control.claim import Holder
holder = Holder.here(30)
holder.sit_down()
print(holder.node)
"""


def instance(name: str) -> Any:
    from gantry.resources.models import Instance

    return Instance.objects.get(hostname=name)


def test_a_controller_is_an_instance_of_both_groups_with_awxs_capacity(db: str) -> None:
    from gantry.control.claim import Holder
    from gantry.control.seat import Size

    holder = Holder.here(30)
    holder.size = Size(2, 6 << 30)
    holder.sit_down()

    row = instance(holder.node)
    assert (row.node_type, row.node_state, row.enabled) == ("hybrid", "ready", True)
    assert {g.name for g in row.rampart_groups.all()} == {"controlplane", "default"}
    # Four forks a core; one for each 100 MiB beyond two GiB. The adjustment of 1 takes the larger.
    assert (row.cpu_capacity, row.mem_capacity, row.capacity) == (8, 40, 40)


def test_the_next_controller_takes_the_seat_with_what_was_set_for_it(db: str) -> None:
    first = seated()
    row = instance(first.node)
    row.enabled, row.capacity_adjustment = False, 0
    row.save()
    first.release()
    row.refresh_from_db()
    assert (row.node_state, row.capacity) == ("unavailable", 0)

    second = seated()

    assert second.node == first.node
    row.refresh_from_db()
    assert (row.node_state, row.enabled, row.capacity) == ("ready", False, 0)
    assert (row.holder, row.pid) == (second.uuid, os.getpid())


def test_two_on_one_machine_sit_on_two_instances(db: str) -> None:
    one, other = seated(), seated()
    assert other.node == f"{one.node}-2"
    assert seated().node == f"{one.node}-3"


def test_a_seat_whose_process_is_gone_is_free_at_once(db: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SITTING], stdout=subprocess.PIPE, text=True, check=True
    )
    assert seated().node == ended.stdout.strip()


def test_one_whose_seat_was_taken_while_it_slept_finds_another(db: str) -> None:
    from datetime import timedelta

    from django.utils import timezone

    from gantry.resources.models import Instance

    sleeper = seated()
    first = sleeper.node
    Instance.objects.update(last_seen=timezone.now() - timedelta(hours=1))
    other = seated()
    assert other.node == first

    sleeper.renew([])

    assert sleeper.node == f"{first}-2"
    assert instance(first).holder == other.uuid


def test_who_is_not_heard_of_any_more_is_said_to_be_unavailable(db: str) -> None:
    from datetime import timedelta

    from django.utils import timezone

    from gantry.resources.models import Instance

    dead, alive = seated(), seated()
    Instance.objects.filter(hostname=dead.node).update(
        last_seen=timezone.now() - timedelta(seconds=61)
    )
    alive.renew([])
    row = instance(dead.node)
    assert (row.node_state, row.capacity) == ("unavailable", 0)
    assert row.errors == "Its controller has not been heard of."
    dead.renew([])
    assert instance(dead.node).node_state == "ready"


def test_a_supervisor_frees_the_seat_of_the_controller_that_died(db: str) -> None:
    from gantry.control.seat import release_dead

    holder = seated()
    release_dead(os.getpid())
    assert instance(holder.node).holder is None
