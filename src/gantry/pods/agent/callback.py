"""The pod's half of "events in": an Ansible stdout callback that reports a run as events.

The agent puts this file into the callback directory as `gantry_events.py` and reads its frames.
Needs only the standard library and ansible-core (2.12 and up); nothing of Gantry may be imported.
(One long file: Ansible would try to load a second one in that directory as a plug-in, too.)
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import inspect
import io
import json
import math
import multiprocessing
import os
import stat
import struct
import sys
import threading
import uuid
from typing import Any, Callable, ContextManager, Iterator, NamedTuple

from ansible import constants as C
from ansible.plugins.loader import callback_loader
from ansible.utils.color import stringc
from ansible.utils.display import Display
from ansible.utils.multiprocessing import context as forking

DOCUMENTATION = """
    name: gantry_events
    type: stdout
    short_description: Report what Ansible does to Gantry's agent
    description:
      - Shows what the default callback shows, as events on an inherited file descriptor.
      - Without that descriptor it is the default callback.
    extends_documentation_fragment:
      - default_callback
"""

STDOUT_LIMIT = 8 * 1024 * 1024  # bytes of UTF-8 in one event; the rest follows in more events
CENSORED = (
    "the output has been hidden due to the fact that 'no_log: true' was specified for this result"
)
IS_ADHOC = bool(os.getenv("AD_HOC_COMMAND_ID"))
# The order decides the type of an event when a warning is shown by way of another method.
DISPLAY_EVENTS = ("debug", "verbose", "deprecated", "warning", "system_warning", "error")
# Ids of the job in its environment that ansible-runner copies into every event.
JOB_IDS = tuple(
    (name.lower(), int(os.environ[name]))
    for name in ("JOB_ID", "AD_HOC_COMMAND_ID", "PROJECT_UPDATE_ID")
    if os.getenv(name, "").isdigit()
)
PLAY_KEYS = ("play", "play_uuid", "play_pattern")
TASK_KEYS = (
    "task", "task_path", "task_uuid", "task_action", "task_args",
    "resolved_action", "role", "resolved_role",
)  # fmt: skip

Base: Any = callback_loader.get(
    os.getenv("ORIGINAL_STDOUT_CALLBACK") or ("minimal" if IS_ADHOC else "default"),
    class_only=True,
)


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


# ---- values to JSON ---------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """What JSON has no form for: vaulted values stay sealed, dates in ISO 8601, the rest text."""
    try:
        # Looked up on the type: str() of a vaulted value would be its secret, and an undefined
        # variable raises when asked for any attribute.
        if hasattr(type(value), "_ciphertext") or "_ciphertext" in getattr(value, "__dict__", ()):
            sealed = value._ciphertext
            return {"__ansible_vault": sealed.decode() if isinstance(sealed, bytes) else sealed}
        if isinstance(value, datetime.date):
            return value.isoformat()
        if isinstance(value, (bytes, bytearray)):
            return value.decode("utf-8", "surrogateescape")
        return str(value)
    except Exception:
        return object.__repr__(value)


_encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, default=plain, separators=(",", ":")
).encode


def tame(value: Any, depth: int = 0) -> Any:
    """The slow way, for what the encoder refused: odd keys, NaN, loops."""
    if depth > 60:
        return "..."
    if isinstance(value, dict):
        return {
            key if isinstance(key, str) else str(plain(key)): tame(item, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [tame(item, depth + 1) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # "nan", "inf": JSON knows no such numbers
    if value is None or isinstance(value, (str, int, float)):
        return value
    return tame(plain(value), depth + 1)


def to_json(value: Any) -> str:
    try:
        return _encode(value)
    except (TypeError, ValueError, RecursionError):
        return _encode(tame(value))


def to_utf8(text: str) -> bytes:
    """Valid UTF-8 whatever the text holds; bytes smuggled in as surrogates come out as U+FFFD."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        pass
    try:
        raw = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raw = text.encode("utf-8", "surrogatepass")
    return raw.decode("utf-8", "replace").encode("utf-8")


def is_longer(text: str, limit: int) -> bool:
    """Is the text more than `limit` bytes of UTF-8? Encodes only where the answer is in doubt."""
    if len(text) > limit:
        return True
    return len(text) * 4 > limit and not text.isascii() and len(to_utf8(text)) > limit


def event_data_json(event: str, data: dict[str, Any]) -> str:
    if event == "playbook_on_stats" or "res" not in data:
        return to_json(data)
    limit = int(os.getenv("MAX_EVENT_RES", "700000"))
    result = to_json(data.pop("res"))
    if is_longer(result, limit):
        result = "{}"
    return '%s,"res":%s}' % (to_json(data)[:-1], result)  # data is never empty: uuid


def pieces(text: str) -> Iterator[tuple[str, int]]:
    """(stdout, newlines) of each event that carries the text; nearly always one.

    Only newlines at the very end of a piece are left out of `stdout`, and are counted, so that
    text, line numbers and pieces can be put together again.
    """
    # ansible-runner reads from a terminal, where a newline arrives as CR LF.
    text = text.replace("\n", "\r\n")
    if not is_longer(text, STDOUT_LIMIT):
        yield text.rstrip("\r\n"), text.count("\n")
        return
    data = to_utf8(text)
    while len(data) > STDOUT_LIMIT:
        cut = data.rfind(b"\n", STDOUT_LIMIT // 2, STDOUT_LIMIT) + 1 or STDOUT_LIMIT
        while data[cut] & 0xC0 == 0x80:  # not inside a character
            cut -= 1
        head, data = data[:cut], data[cut:]
        stdout = head[:-2] if head.endswith(b"\r\n") else head
        yield stdout.decode("utf-8"), head.count(b"\n")
    yield data.decode("utf-8").rstrip("\r\n"), data.count(b"\n")


# ---- the way to the agent ---------------------------------------------------------------------


class Stream:
    """Whole frames on a file descriptor, from the main process and from forks of it.

    A frame is `>II` (length of the body, newlines in the event's text) and the JSON body.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.alive = True
        os.set_inheritable(fd, False)
        os.set_blocking(fd, True)
        self.lock = multiprocessing.get_context("fork").RLock()
        self.writers: list[io.BufferedWriter] = []
        self.room = 0
        self.renew(1 << 20)
        os.register_at_fork(after_in_child=functools.partial(self.renew, 1 << 20))

    def renew(self, room: int) -> None:
        # The old one is kept: in a fork it may hold half a frame, which the parent will send.
        raw = io.FileIO(self.fd, "w", closefd=False)
        self.writers = [*self.writers[-1:], io.BufferedWriter(raw, room)]
        self.room = room

    def send(self, body: bytes, lines: int) -> bool:
        """False when nobody reads any more."""
        if not self.alive:
            return False
        frame = struct.pack(">II", len(body), lines) + body
        try:
            with self.lock:
                if len(frame) > self.room:
                    self.writers[-1].flush()
                    self.renew(len(frame))
                # A frame goes into the buffer at one stroke, and flush() remembers how far it
                # came: an interrupt (Ctrl-C, a task's timeout) can delay but never tear a frame.
                self.writers[-1].write(frame)
                self.writers[-1].flush()
        except (OSError, ValueError):
            self.give_up()
        return self.alive

    def give_up(self) -> None:
        self.alive = False
        with contextlib.suppress(OSError, ValueError):
            # What is left in the buffer must go somewhere, or Python complains when it ends.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fd, inheritable=False)
            os.close(nowhere)
            self.writers[-1].flush()


def open_stream() -> Stream | None:
    # Taken out of the environment: a playbook started by a task has no such descriptor.
    number = os.environ.pop("GANTRY_EVENTS_FD", "")
    try:
        mode = os.fstat(int(number)).st_mode
        if stat.S_ISSOCK(mode) or stat.S_ISFIFO(mode):
            return Stream(int(number))
    except (ValueError, OSError):
        pass
    return None


# ---- events -----------------------------------------------------------------------------------


class Event(NamedTuple):
    head: dict[str, Any]
    data: str
    text: list[str]


class Recorder:
    """The context that events share, and the event under way in each thread."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        # Display's own lock keeps the thread that shows workers' messages out of an event. Before
        # 2.14 workers show for themselves, so the lock has to reach across processes.
        self.lock: Any = getattr(Display(), "_lock", None) or forking.RLock()
        self.shared: dict[str, Any] = {}
        self.local = threading.local()

    @property
    def flags(self) -> dict[str, Any]:
        try:
            flags: dict[str, Any] = self.local.flags
        except AttributeError:
            flags = self.local.flags = {}
        return flags

    @property
    def current(self) -> Event | None:
        return getattr(self.local, "event", None)

    def begin(self, event: str, data: dict[str, Any]) -> Event:
        """Serialises at once: the default callback trims results while it shows them."""
        data = {**self.shared, **self.flags, **data}
        own = data.setdefault("uuid", str(uuid.uuid4()))
        if not event:
            event = next((name for name in DISPLAY_EVENTS if data.get(name)), "verbose")
        head: dict[str, Any] = {"uuid": own, "event": event, **dict(JOB_IDS)}
        head["pid"] = os.getpid()
        head["created"] = now().isoformat(timespec="microseconds")
        for key in ("task_uuid", "play_uuid", "playbook_uuid"):
            if data.get(key) and data[key] != own:
                head["parent_uuid"] = data[key]
                break
        if "verbosity" in data:
            head["verbosity"] = data.pop("verbosity")
        return Event(head, event_data_json(event, data), [])

    def end(self, event: Event) -> None:
        text = "".join(event.text)
        if not self.stream.alive:
            return self.show(text)
        for number, (stdout, lines) in enumerate(pieces(text)):
            if number:
                event = self.begin("verbose", {})
            head = to_json({**event.head, "stdout": stdout})
            body = '%s,"event_data":%s}' % (head[:-1], event.data)
            if not self.stream.send(to_utf8(body), lines):
                return self.show(text)
        return None

    @staticmethod
    def show(text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.write(to_utf8(text).decode("utf-8"))
            sys.stdout.flush()

    @contextlib.contextmanager
    def during(self, event: str, data: dict[str, Any]) -> Iterator[None]:
        with self.lock:
            outer = self.current
            self.local.event = inner = self.begin(event, data)
            try:
                yield
            finally:
                self.local.event = outer
                self.end(inner)

    def display(self, text: str) -> None:
        current = self.current
        if current is not None:
            current.text.append(text)
            return
        with self.lock:
            event = self.begin("", {})
            event.text.append(text)
            self.end(event)


# ---- Display ----------------------------------------------------------------------------------


def patch_display(recorder: Recorder) -> None:
    shown: Callable[..., Any] = Display.display
    # Newer cores turn CR LF into LF first; whether this one does is written in its code.
    folds = "\r\n" in inspect.unwrap(shown).__code__.co_consts
    workers_proxy = hasattr(Display, "set_queue")

    @functools.wraps(shown)
    def display(  # noqa: PLR0913, PLR0917 (ansible's own signature)
        self: Any, msg: Any, color: str | None = None, stderr: bool = False,
        screen_only: bool = False, log_only: bool = False, newline: bool = True,
        *more: Any, **named: Any,
    ) -> Any:  # fmt: skip
        rest = functools.partial(shown, self, msg, color, stderr)
        if (
            log_only
            or not isinstance(msg, str)
            or not recorder.stream.alive
            # A worker hands its messages to the main process, where they come by here again.
            or (workers_proxy and forking.parent_process() is not None)
        ):
            return rest(screen_only, log_only, newline, *more, **named)
        text = msg.replace("\r\n", "\n") if folds else msg
        ends = text.endswith("\n")
        text = text[:-1] if ends else text
        text = stringc(text, color) if color else text
        recorder.display(text + "\n" if ends or newline else text)
        return None if screen_only else rest(False, True, newline, *more, **named)

    Display.display = display
    for name in dir(Display):
        skip = name.startswith("_") or "cow" in name or "prompt" in name
        if skip or name in ("display", "v", "vv", "vvv", "vvvv", "vvvvv", "vvvvvv", "verbose"):
            continue
        if callable(getattr(Display, name)):
            setattr(Display, name, flagged(recorder, name, getattr(Display, name)))
    Display.verbose = flagged_verbose(recorder, Display.verbose)


def flagged(recorder: Recorder, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """What the method shows outside an event becomes an event of that type."""

    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        _skip_stackwalk = True  # ansible looks for the caller of deprecated() on the stack
        flags = recorder.flags
        flags[name] = True
        try:
            return method(*args, **kwargs)
        finally:
            flags.pop(name, None)

    return call


def flagged_verbose(recorder: Recorder, method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def verbose(self: Any, msg: Any, host: Any = None, caplevel: int = 2) -> Any:
        if self.verbosity <= caplevel:  # by far the most calls: nothing will be shown
            return method(self, msg, host=host, caplevel=caplevel)
        flags = recorder.flags
        flags.update(verbose=True, verbosity=caplevel + 1)
        if host is not None:
            flags["remote_addr"] = host
        try:
            return method(self, msg, host=host, caplevel=caplevel)
        finally:
            for key in ("verbose", "verbosity", "remote_addr"):
                flags.pop(key, None)

    return verbose


# ---- the callback -----------------------------------------------------------------------------


def part(result: Any, name: str) -> Any:
    """`host`, `task` or `result` of a task result: public from 2.19 on, underscored before."""
    return getattr(result, name if hasattr(type(result), name) else "_" + name)


def censor(data: dict[str, Any]) -> None:
    result = data.get("res")
    if not result:
        return
    if result.get("_ansible_no_log", False):
        data["res"] = {"censored": CENSORED}
        return
    items = result.get("results")
    if items and any(isinstance(i, dict) and i.get("_ansible_no_log") for i in items):
        result["results"] = [
            {"censored": CENSORED} if isinstance(i, dict) and i.get("_ansible_no_log") else i
            for i in items
        ]


def task_context(task: Any) -> dict[str, Any]:
    context = {
        "task": task.name or task.action,
        "task_uuid": str(task._uuid),
        "task_action": task.action,
        "resolved_action": getattr(task, "resolved_action", task.action),
        "task_args": "",
    }
    with contextlib.suppress(AttributeError):
        context["task_path"] = task.get_path()
    if C.DISPLAY_ARGS_TO_STDOUT:
        shown = ", ".join("%s=%s" % pair for pair in task.args.items())
        context["task_args"] = CENSORED if task.no_log else shown
    role = getattr(task, "_role", None)
    name = role._role_name if role else getattr(task, "role_name", "")
    if name:
        context["role"] = name
    if role and hasattr(role, "get_name") and role.get_name() != name:
        context["resolved_role"] = role.get_name()
    return context


def play_pattern(play: Any) -> str:
    hosts = getattr(play, "hosts", "")
    return ",".join(hosts) if isinstance(hosts, list) else hosts


def on_the_way(event: str) -> Callable[..., None]:
    """The callback method for something that happens before a task ends on a host."""

    def report(self: CallbackModule, result: Any) -> None:
        data = {"host": part(result, "host").get_name(), "res": part(result, "result")}
        if "async" in event:
            data["jid"] = data["res"].get("ansible_job_id")
        with self.event(event, part(result, "task"), **data):
            getattr(super(CallbackModule, self), "v2_" + event)(result)

    return report


class Uniquely:
    """Serial batches and the free strategy start one play or task again: the id gets a counter."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.counts: dict[str, int] = {}

    def name(self, own: str) -> str:
        if own in self.seen:
            self.counts[own] = self.counts.get(own, 1) + 1
            own = "%s_%s" % (own, self.counts[own])
        self.seen.add(own)
        return own


class CallbackModule(Base):  # type: ignore[misc]
    """The default callback with an event around each of its methods."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "gantry_events"
    recorder: Recorder | None = None  # none: nobody listens, be the default callback

    def __init__(self) -> None:
        super().__init__()
        self.shared: dict[str, Any] = self.recorder.shared if self.recorder else {}
        self.host_start: dict[str, datetime.datetime] = {}
        self.plays, self.tasks = Uniquely(), Uniquely()
        self.playbook_uuid = str(uuid.uuid4())

    def set_options(self, *args: Any, **kwargs: Any) -> Any:
        # Options that this core's default callback has and the documentation above does not.
        known = functools.partial(C.config.get_configuration_definition, plugin_type="callback")
        options = {**(known(Base._load_name) or {}), **(known(self._load_name) or {})}
        C.config.initialize_plugin_configuration_definitions("callback", self._load_name, options)
        return super().set_options(*args, **kwargs)

    @contextlib.contextmanager
    def event(self, event: str, task: Any = None, **data: Any) -> Iterator[None]:
        if self.recorder is None:
            yield
            return
        censor(data)
        if task:
            data.update(task_context(task))
        with self.recorder.during(event, data):
            yield

    def forget(self, *keys: str) -> dict[str, Any]:
        for key in keys:
            self.shared.pop(key, None)
        return self.shared

    def v2_playbook_on_start(self, playbook: Any) -> None:
        name = getattr(playbook, "_file_name", "???")
        shared = self.forget(*PLAY_KEYS, *TASK_KEYS)
        shared.update(playbook=name, playbook_uuid=self.playbook_uuid)
        with self.event("playbook_on_start", uuid=self.playbook_uuid):
            super().v2_playbook_on_start(playbook)

    def v2_playbook_on_vars_prompt(self, varname: str, *args: Any, **kwargs: Any) -> None:
        method = super().v2_playbook_on_vars_prompt
        bound = inspect.signature(method).bind(varname, *args, **kwargs)
        bound.apply_defaults()
        with self.event("playbook_on_vars_prompt", **bound.arguments):
            method(varname, *args, **kwargs)

    def v2_playbook_on_include(self, included_file: Any) -> None:
        name = included_file._filename if included_file is not None else None
        with self.event("playbook_on_include", included_file=name):
            super().v2_playbook_on_include(included_file)

    def v2_playbook_on_play_start(self, play: Any) -> None:
        if IS_ADHOC:
            return
        play._uuid = self.plays.name(str(play._uuid))
        pattern = play_pattern(play)
        name = play.get_name().strip() or pattern
        shared = self.forget(*TASK_KEYS)
        shared.update(play=name, play_uuid=play._uuid, play_pattern=pattern)
        with self.event("playbook_on_play_start", name=name, pattern=pattern, uuid=play._uuid):
            super().v2_playbook_on_play_start(play)

    def start_task(self, task: Any, own: str, conditional: bool) -> ContextManager[None]:
        self.forget(*TASK_KEYS).update(task_context(task))
        data = {"name": task.get_name(), "is_conditional": conditional, "uuid": own}
        return self.event("playbook_on_task_start", task, **data)

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        if IS_ADHOC:
            self.forget(*TASK_KEYS).update(task_context(task))
            return
        with self.start_task(task, self.tasks.name(str(task._uuid)), is_conditional):
            super().v2_playbook_on_task_start(task, is_conditional)

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        # Ansible 1 marked handlers by is_conditional, and readers of events still look there.
        with self.start_task(task, str(task._uuid), True):
            super().v2_playbook_on_handler_task_start(task)

    def v2_playbook_on_no_hosts_matched(self) -> None:
        with self.event("playbook_on_no_hosts_matched"):
            super().v2_playbook_on_no_hosts_matched()

    def v2_playbook_on_no_hosts_remaining(self) -> None:
        with self.event("playbook_on_no_hosts_remaining"):
            super().v2_playbook_on_no_hosts_remaining()

    def v2_playbook_on_notify(self, handler: Any, host: Any) -> None:
        names = {"host": host.get_name(), "handler": handler.get_name()}
        with self.event("playbook_on_notify", **names):
            super().v2_playbook_on_notify(handler, host)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self.forget(*PLAY_KEYS, *TASK_KEYS)
        counts = ("changed", "dark", "failures", "ignored", "ok", "processed", "rescued", "skipped")
        data = {name: getattr(stats, name) for name in counts}
        data["artifact_data"] = stats.custom.get("_run", {})
        with self.event("playbook_on_stats", **data):
            super().v2_playbook_on_stats(stats)

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        self.host_start[host.get_name()] = now()
        with self.event("runner_on_start", task, host=host.get_name()):
            super().v2_runner_on_start(host, task)

    def finished(self, event: str, result: Any, **data: Any) -> ContextManager[None]:
        """The event of a task that ended on a host."""
        host = part(result, "host")
        data.update(host=host.get_name(), remote_addr=host.address)
        start = self.host_start.get(host.get_name())
        end = now() if start else None
        data.update(start=start, end=end, duration=None)
        if start and end:
            data["duration"] = (end - start).total_seconds()
        return self.event(event, part(result, "task"), **data)

    def v2_runner_on_ok(self, result: Any) -> None:
        task, outcome = part(result, "task"), part(result, "result")
        if task.action in ("setup", "gather_facts"):
            # The job's environment holds its credentials: it is no fact for the record.
            outcome.get("ansible_facts", {}).pop("ansible_env", None)
        with self.finished("runner_on_ok", result, res=outcome, event_loop=task.loop_with):
            super().v2_runner_on_ok(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        loop, outcome = part(result, "task").loop_with, part(result, "result")
        more = {"res": outcome, "ignore_errors": ignore_errors, "event_loop": loop}
        with self.finished("runner_on_failed", result, **more):
            super().v2_runner_on_failed(result, ignore_errors)

    def v2_runner_on_skipped(self, result: Any) -> None:
        loop = part(result, "task").loop_with
        with self.finished("runner_on_skipped", result, event_loop=loop):
            super().v2_runner_on_skipped(result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        with self.finished("runner_on_unreachable", result, res=part(result, "result")):
            super().v2_runner_on_unreachable(result)

    def v2_on_file_diff(self, result: Any) -> None:
        host, diff = part(result, "host").get_name(), part(result, "result").get("diff")
        with self.event("runner_on_file_diff", part(result, "task"), host=host, diff=diff):
            super().v2_on_file_diff(result)

    v2_runner_item_on_ok = on_the_way("runner_item_on_ok")
    v2_runner_item_on_failed = on_the_way("runner_item_on_failed")
    v2_runner_item_on_skipped = on_the_way("runner_item_on_skipped")
    v2_runner_retry = on_the_way("runner_retry")
    v2_runner_on_async_poll = on_the_way("runner_on_async_poll")
    v2_runner_on_async_ok = on_the_way("runner_on_async_ok")
    v2_runner_on_async_failed = on_the_way("runner_on_async_failed")


_stream = open_stream()
if _stream is not None:
    sys.stdout.flush()  # what was shown before belongs before the first event
    sys.stderr.flush()
    CallbackModule.recorder = Recorder(_stream)
    patch_display(CallbackModule.recorder)
