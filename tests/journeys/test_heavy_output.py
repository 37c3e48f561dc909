"""Plays that print very much, or very strange things: all of it is recorded, in bounded memory."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest

from gantry.base.bridge import in_thread
from tests.journeys.conftest import ControllerProcess
from tests.journeys.outcome import ended, output, run, told
from tests.journeys.raw import printing, project
from tests.journeys.record import faults_of_record, is_cleaned
from tests.journeys.world import World

MEGABYTE = 1 << 20
LINES = 2_000_000  # of 100 bytes: 200 MB
# Frames on their way are at most 20 MB; 200 MB would not fit.
CONTROLLER = 200 * MEGABYTE
# ansible-playbook itself, the agent and its spool of 64 MB; 200 MB more would not fit.
POD = 300 * MEGABYTE


async def faults(job: Any) -> list[str]:
    found = await in_thread(faults_of_record)(job)
    if job.status != "successful" or not is_cleaned(job):
        found.append(f"{told(job)} {job.evidence}")
    return found


def most_memory(pid: int) -> int:
    """The largest resident size that a process has had, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) << 10


@pytest.mark.slow
async def test_a_play_that_prints_200_megabytes_is_recorded_to_the_last_line(
    world: World, controller: ControllerProcess
) -> None:
    thousand = "b''.join(b'%099d\\n' % (number * 1000 + n) for n in range(1000))"
    files = project(printing(thousand, times=LINES // 1000))
    controller.start()
    assert controller.process is not None

    job = await in_thread(lambda: world.launch(world.template(files)))()
    await ended(job, seconds=200)
    memory = most_memory(controller.process.pid)

    assert await faults(job) == []
    assert await in_thread(digest_of_numbers)(job) == expected_digest()
    print(f"memory: controller {memory >> 20} MB, pod {job.exit['peak_memory'] >> 20} MB")
    assert memory < CONTROLLER, memory
    assert job.exit["peak_memory"] < POD, job.exit["peak_memory"]


def digest_of_numbers(job: Any) -> str:
    """Of all lines that are a number of 99 digits, without the whole of it in memory."""
    from gantry.resources.models import JobEvent

    digest = hashlib.sha256()
    texts = JobEvent.objects.filter(job_id=job.pk).order_by("id").values_list("stdout", flat=True)
    for text in texts.iterator(chunk_size=500):
        for line in text.splitlines():
            if len(line) == 99:
                digest.update(line.encode())
    return digest.hexdigest()


def expected_digest() -> str:
    digest = hashlib.sha256()
    for number in range(LINES):
        digest.update(b"%099d" % number)
    return digest.hexdigest()


async def test_a_result_of_five_megabytes_on_one_line_is_kept_whole(
    world: World, control: Any
) -> None:
    message = "- debug: {msg: \"{{ 'begin' + 'x' * 5242880 + 'end' }}\"}"
    job = await run_files(world, project(f"    {message}\n"))

    assert await faults(job) == []
    assert "begin" + "x" * 5242880 + "end" in await output(job)


async def test_a_raw_line_of_five_megabytes_is_kept_to_its_last_byte(
    world: World, control: Any
) -> None:
    job = await run_files(world, project(printing("b'y' * 5242880 + b'\\n'")))

    assert await faults(job) == []
    assert (await output(job)).count("y") >= 5242880


async def run_files(world: World, files: dict[str, str]) -> Any:
    return await run(world, await in_thread(lambda: world.template(files))())


STRANGE = {
    "invalid UTF-8": (r"b'caf\xe9 \xff\xfe and on\n'", "caf\ufffd \ufffd\ufffd and on"),
    "half a character at the end": (r"b'cut \xe2\x82\n'", "cut \ufffd"),
    "NUL": (r"b'a\x00b\n'", "a"),
    "colours": (r"b'\x1b[31mred\x1b[0m\n'", "\x1b[31mred\x1b[0m"),
    "a progress bar": (
        r"b''.join(b'\r%3d%%' % n for n in range(101)) + b' done\n'", "100% done"
    ),
    "every byte": (r"bytes(range(256)) * 64 + b'\nstill here\n'", "still here"),
    "surrogates": (r"b'\xed\xa0\x80 alone\n'", " alone"),
    "four bytes a character": (r"'\U0001f680 up\n'.encode()", "\U0001f680 up"),
}  # fmt: skip


async def test_strange_bytes_are_recorded_and_harm_nothing(world: World, control: Any) -> None:
    files = project(*(printing(raw) for raw, _ in STRANGE.values()))

    job = await run_files(world, files)

    assert await faults(job) == []
    said = await output(job)
    assert {name for name, (_, words) in STRANGE.items() if words not in said} == set()


async def test_two_thousand_fast_events_are_all_recorded_in_order(
    world: World, control: Any
) -> None:
    tasks = (
        "    - debug: {msg: 'item {{ item }}'}\n"
        '      loop: "{{ range(0, 2000) | list }}"\n'
        "      loop_control: {label: ''}\n"
    )
    job = await run_files(world, project(tasks))

    assert await faults(job) == []
    printed = re.findall(r'"msg": "item (\d+)"', await output(job))
    assert [int(number) for number in printed] == list(range(2000))
