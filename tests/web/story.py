"""Jobs for the pages' tests: rows as launch and control leave them, output as a pod sends it.

The events go through gantry.record's own Recorder (COPY, NOTIFY, one transaction a batch), in a
thread with a loop of its own, because Playwright's runs in the test's thread.
"""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone
from psycopg_pool import AsyncConnectionPool

from gantry.base.redact import Redactor
from gantry.pods.frames import Frame, Kind
from gantry.record.ingest import POOL, RecordedJob, Recorder
from gantry.resources.environments import ExecutionEnvironment
from gantry.resources.inventories import Host, Inventory
from gantry.resources.jobs import STAGES, Job, UnifiedJob
from gantry.resources.organizations import Organization, User
from gantry.resources.projects import Project
from gantry.resources.templates import JobTemplate

GREEN, YELLOW, RED, CYAN, PURPLE = ("0;32", "0;33", "0;31", "0;36", "1;35")
DIGEST = "sha256:7f3c1a9be0d24f86a1c5e2b790d3f4e8812c6a5d9b0e7f14c3a2b1d0e9f8a7c6"
COMMIT = "9b1c7e04f2ad53d1870cbe6c1f4a2d9e3b5a7c60"


def tint(colour: str, text: str) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m"


def banner(text: str) -> str:
    return f"\r\n{text} ".ljust(81, "*")


class Pod:
    """Numbers frames as the agent does; keeps them until they are sent."""

    def __init__(self) -> None:
        self.sequence = self.counter = self.line = 0
        self.frames: list[Frame] = []
        self.when = datetime.now(UTC)

    def event(self, event: str, stdout: str = "", lines: int | None = None, **data: Any) -> None:
        if lines is None:
            lines = stdout.count("\n") + 1 if stdout else 0
        self.sequence += 1
        self.counter += 1
        self.when += timedelta(milliseconds=37)
        body = {
            "uuid": f"u{self.counter}", "event": event, "created": self.when.isoformat(),
            "stdout": stdout, "event_data": data,
        }  # fmt: skip
        raw = json.dumps(body).encode()
        self.frames.append(Frame(Kind.EVENT, self.sequence, self.counter, self.line, lines, raw))
        self.line += lines

    def play(self, name: str) -> None:
        self.event("playbook_on_play_start", banner(f"PLAY [{name}]"), play=name)

    def task(self, name: str) -> None:
        self.event("playbook_on_task_start", banner(f"TASK [{name}]"), task=name)

    def ok(self, host: str, task: str, changed: bool = False, words: str = "") -> None:
        colour, state = (YELLOW, "changed") if changed else (GREEN, "ok")
        self.event(
            "runner_on_ok", tint(colour, f"{state}: [{host}]{words}"), host=host, task=task,
            res={"changed": changed},
        )  # fmt: skip

    def failed(self, host: str, task: str, words: str) -> None:
        self.event(
            "runner_on_failed", tint(RED, f"fatal: [{host}]: FAILED! => {words}"),
            host=host, task=task, res={"changed": False},
        )  # fmt: skip

    def oks(self, count: int, start: int = 0) -> None:
        for n in range(start, start + count):
            self.ok(f"node{n % 7}", "Ping", words=f" => (item={n})")


class Writer:
    """Records a job's frames, in its own thread."""

    def __init__(self, url: str, job: UnifiedJob) -> None:
        self.pod = Pod()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        held = RecordedJob(job.pk, job.created, job.lease_epoch, job.kind)
        self._pool: AsyncConnectionPool[Any] = self._run(self._open(url))
        self._recorder = Recorder(self._pool, held, Redactor([]), {})

    async def _open(self, url: str) -> AsyncConnectionPool[Any]:
        pool = AsyncConnectionPool[Any](url, min_size=1, max_size=2, open=False, **POOL)
        await pool.open()
        return pool

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    def send(self, size: int = 1000) -> None:
        """Commit what the pod has printed since the last time."""
        frames, self.pod.frames = self.pod.frames, []
        for at in range(0, len(frames), size):
            self._run(self._recorder.record(frames[at : at + size]))

    def close(self) -> None:
        self._run(self._pool.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


def organization() -> Organization:
    return Organization.objects.get(name="Default")


def member(name: str = "mia", *, admin: bool = False) -> User:
    user = User.objects.create_user(name, password="secret words")
    (organization().admins if admin else organization().users).add(user)
    return user


def template(name: str = "Configure web servers", **more: Any) -> JobTemplate:
    ours = organization()
    project, _ = Project.objects.get_or_create(
        name="Platform playbooks", kind="project", organization=ours,
        defaults={
            "scm_type": "git", "scm_url": "https://git.example.com/platform/playbooks.git",
            "scm_branch": "main", "scm_revision": COMMIT, "status": "successful",
        },
    )  # fmt: skip
    inventory, made = Inventory.objects.get_or_create(name="Production", organization=ours)
    if made:
        for n in range(1, 4):
            Host.objects.create(name=f"web{n}.example.com", inventory=inventory)
    return JobTemplate.objects.create(
        name=name, kind="job_template", organization=ours, project=project, inventory=inventory,
        playbook="site.yml", **more,
    )  # fmt: skip


def job(stage: str = "running", status: str = "running", **more: Any) -> Job:
    """A job that has come as far as `stage`."""
    now = timezone.now()
    spans = {"queued": 0.12, "resolving": 0.02, "pulling": 9.4, "preparing": 0.2, "starting": 0.5,
             "running": 48.0, "cleaning": 0.4, "done": 0.0}  # fmt: skip
    reached = STAGES[: STAGES.index(stage) + 1]
    at = now - timedelta(seconds=sum(spans[s] for s in reached[:-1]))
    times = {}
    for name in reached:
        times[name] = at.isoformat()
        at += timedelta(seconds=spans[name])
    environment = ExecutionEnvironment.objects.order_by("pk").first()
    over = status in ("successful", "failed", "error", "canceled")
    values: dict[str, Any] = {
        "kind": "job", "name": "Configure web servers", "organization": organization(),
        "status": status, "stage": stage, "stage_times": times, "lease_epoch": 1,
        "created_by": User.objects.get(username="admin"), "execution_environment": environment,
        "ee_image": environment.image if environment else "", "playbook": "site.yml",
        "ee_reason": "organization default of Default",
        "started": datetime.fromisoformat(times["starting"]) if "starting" in times else None,
        "finished": now if over else None,
        "elapsed": 49.1 if over and "starting" in times else 0,
        "failed": over and status != "successful",
    }  # fmt: skip
    return Job.objects.create(**(values | more))


def move(row: UnifiedJob, **fields: Any) -> None:
    """What path.states does: change the row and say so."""
    UnifiedJob.objects.filter(pk=row.pk).update(**fields)
    row.refresh_from_db()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_notify('gantry_jobs', %s)", [f"{row.pk}:{row.status}:{row.stage}"]
        )


def end(row: UnifiedJob, status: str = "successful", **fields: Any) -> None:
    times = {**row.stage_times, "done": timezone.now().isoformat()}
    move(row, status=status, stage="done", stage_times=times, finished=timezone.now(),
         failed=status != "successful", **fields)  # fmt: skip


WEBS = [f"web{n}.example.com" for n in range(1, 4)]


def web_servers(pod: Pod, *, fail: bool = True) -> None:
    """A run that reads like one: provision in the cloud, then configure over SSH."""
    provision(pod)
    configure(pod)
    certificates(pod, fail)
    recap(pod, WEBS, fail)


def provision(pod: Pod) -> None:
    pod.event("playbook_on_start")
    words = "[WARNING]: Collection amazon.aws does not support Ansible version 2.19.4"
    pod.event("warning", tint(PURPLE, words))
    pod.play("Provision in the cloud")
    for name, words in (
        ("Find the newest image", " => (item=debian-12-amd64)"),
        ("Launch an instance of each size", ""),
        ("Wait until SSH answers", ""),
    ):
        pod.task(name)
        pod.ok("localhost", name, changed="Launch" in name, words=words)


def configure(pod: Pod) -> None:
    pod.play("Configure the web servers")
    pod.task("Gathering Facts")
    for host in WEBS:
        pod.ok(host, "Gathering Facts")
    for name, changed in (
        ("nginx : Install the package", True), ("nginx : Write the site", True),
        ("nginx : Have the document root", False), ("firewall : Allow http and https", True),
    ):  # fmt: skip
        pod.task(name)
        for n, host in enumerate(WEBS):
            pod.ok(host, name, changed=changed and n != 1)


def certificates(pod: Pod, fail: bool) -> None:
    name = "certificates : Fetch from the vault"
    pod.task(name)
    pod.ok(WEBS[0], name)
    pod.event("runner_on_skipped", tint(CYAN, f"skipping: [{WEBS[1]}]"), host=WEBS[1], task=name)
    if fail:
        words = json.dumps({
            "attempts": 3, "changed": False, "dest": "/etc/ssl/private/web3.pem", "elapsed": 30,
            "msg": "Request failed: <urlopen error [Errno 111] Connection refused>",
            "status": -1, "url": "https://vault.example.com/v1/pki/issue/web",
        })  # fmt: skip
        pod.failed(WEBS[2], name, words)
    name = "nginx : Check the configuration"
    pod.task(name)
    for host in WEBS[: 2 if fail else 3]:
        pod.ok(host, name, words="\r\n    nginx: the configuration file /etc/nginx/nginx.conf "
               "syntax is ok\r\n    nginx: configuration file test is successful")  # fmt: skip


def recap(pod: Pod, hosts: list[str], fail: bool) -> None:
    lines = [banner("PLAY RECAP")]
    bad = hosts[-1] if fail else ""
    for host in ["localhost", *hosts]:
        failed = int(host == bad)
        counts = f"ok=7    changed=3    unreachable=0    failed={failed}    skipped=0"
        name = tint(RED if failed else YELLOW, host)
        lines.append(f"{name}{' ' * (27 - len(host))}: {counts}")
    pod.event(
        "playbook_on_stats", "\r\n".join(lines), ok=dict.fromkeys(["localhost", *hosts], 7),
        changed=dict.fromkeys(hosts, 3), skipped={hosts[1]: 1}, failures={bad: 1} if bad else {},
    )  # fmt: skip
