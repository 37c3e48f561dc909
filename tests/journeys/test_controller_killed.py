"""`kill -9` of the controller, wherever a job stands: another finishes it, and nobody can tell."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from difflib import unified_diff
from typing import Any

import pytest

from gantry.base.bridge import in_thread
from gantry.pods.docker_api import DockerEngine
from tests.journeys.conftest import ControllerProcess, wait_for
from tests.journeys.controlling import controlling
from tests.journeys.counting import CountingServer
from tests.journeys.hanging import POINTS
from tests.journeys.record import faults_of_record, is_cleaned
from tests.journeys.world import World, stdout

QUEUED = "queued"
# Up to here nothing of the play has run: the next controller makes a new pod.
BEGUN = POINTS.index("after the go")
PLAY = """
- hosts: alpha
  gather_facts: false
  vars:
    job: "{{ lookup('env', 'JOB_ID') }}"
  tasks:
    - name: Leave a mark outside
      uri: {url: "%(url)s/begun/{{ job }}"}
    - debug: {msg: "line {{ item }}"}
      loop: "{{ range(1, 26) | list }}"
      loop_control: {label: ""}
    - name: Leave another
      uri: {url: "%(url)s/ended/{{ job }}"}
"""


class HangingController(ControllerProcess):
    """The controller of tests/journeys/hanging.py; knows at which points jobs hang."""

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.journeys.hanging"],
            env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def wait_until_hung(self, points: set[str]) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        missing, late = set(points), threading.Timer(120, self.process.kill)
        late.start()  # a point that the path no longer comes by would be waited for without end
        while missing:
            line = self.process.stdout.readline()
            assert line, f"the controller ended; nobody came to {missing}"
            missing.discard(line.strip())
        late.cancel()


@pytest.fixture
def hanging(controller: ControllerProcess) -> Iterator[HangingController]:
    """Has room for the jobs that hang and for no other: one more stays queued."""
    environment = {**controller.environment, "GANTRY_CAPACITY": str(len(POINTS))}
    made = HangingController(environment)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.kill()
    if made.process is not None and made.process.stdout is not None:
        made.process.stdout.close()


async def finished(jobs: dict[str, Any], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        for job in jobs.values():
            await in_thread(job.refresh_from_db)()
            while job.active:
                await asyncio.sleep(0.1)
                await in_thread(job.refresh_from_db)()


def faults(name: str, job: Any, expected: str, outside: CountingServer) -> list[str]:
    found = faults_of_record(job)
    if job.status != "successful":
        found.append(f"{job.status}: {job.job_explanation} {job.evidence}")
    marks = outside.counts[f"/begun/{job.pk}"], outside.counts[f"/ended/{job.pk}"]
    if marks != (1, 1):
        found.append(f"the play began and ended {marks} times")
    if stdout(job) != expected:
        found += unified_diff(expected.splitlines(), stdout(job).splitlines(), lineterm="")
    if not is_cleaned(job):
        found.append(f"its pod was not proven gone: {job.cleanup}")
    if name in POINTS[BEGUN:] and job.attempt != 1:
        found.append(f"its pod had been running and was replaced: attempt {job.attempt}")
    if set(job.stage_times) < {"starting", "running", "cleaning", "done"}:
        found.append(f"stages are missing: {job.stage_times}")
    return found


@pytest.mark.slow
async def test_a_job_whose_controller_was_killed_at_any_point_is_finished_by_another(
    world: World, hanging: HangingController, outside: CountingServer, engine_url: str
) -> None:
    playbook = PLAY % {"url": outside.url}
    project = await in_thread(lambda: world.project({"site.yml": playbook}))()

    def launch(name: str) -> Any:
        return world.launch(world.template(project=project, name=name))

    undisturbed = await in_thread(launch)("undisturbed")
    hanging.start()
    await finished({"undisturbed": undisturbed}, 60)
    jobs = {point: await in_thread(launch)(point) for point in POINTS}
    await in_thread(hanging.wait_until_hung)(set(POINTS))
    jobs[QUEUED] = await in_thread(launch)(QUEUED)
    hanging.kill()

    async with controlling(DockerEngine(engine_url)) as control:
        await finished(jobs, 150)
        left = await control.world.engine.find(control.world.instance)

    expected = await in_thread(stdout)(undisturbed)
    assert "line 25" in expected
    found = {n: await in_thread(faults)(n, j, expected, outside) for n, j in jobs.items()}
    assert {name: words for name, words in found.items() if words} == {}
    assert left == []


def test_a_job_is_handed_on_from_controller_to_controller(
    world: World, controller: ControllerProcess, outside: CountingServer
) -> None:
    """Killed again and again while the play runs; it never learns of it."""
    tasks = "".join(
        f"    - uri: {{url: '{outside.url}/step/{n}'}}\n    - debug: {{msg: step {n}}}\n"
        for n in range(1, 4)
    )
    playbook = f"- hosts: alpha\n  gather_facts: false\n  tasks:\n{tasks}"
    gates = {n: outside.hold(f"/step/{n}") for n in range(1, 4)}
    job = world.launch(world.template(playbook))

    for number, gate in gates.items():
        controller.start()
        wait_for(lambda n=number: outside.counts[f"/step/{n}"], what=f"step {number}")
        controller.kill()
        gate.set()
    controller.start()

    def ended() -> bool:
        job.refresh_from_db()
        return not job.active

    wait_for(ended, what="the end of the job")
    assert job.status == "successful", job.job_explanation
    assert faults_of_record(job) == []
    assert [outside.counts[f"/step/{n}"] for n in (1, 2, 3)] == [1, 1, 1]
    assert [f'"msg": "step {n}"' in stdout(job) for n in (1, 2, 3)] == [True, True, True]
    assert is_cleaned(job)
