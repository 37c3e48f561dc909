"""The kinds of events, what AWX calls them and how deep they stand (awx/main/models/events.py)."""

from __future__ import annotations

_BY_LEVEL: tuple[dict[str, str], ...] = (
    {
        "playbook_on_start": "Playbook Started",
        "debug": "Debug",
        "verbose": "Verbose",
        "deprecated": "Deprecated",
        "warning": "Warning",
        "system_warning": "System Warning",
        "error": "Error",
    },
    {
        "playbook_on_vars_prompt": "Variables Prompted",
        "playbook_on_play_start": "Play Started",
        "playbook_on_stats": "Playbook Complete",
    },
    {
        "playbook_on_notify": "Running Handlers",
        "playbook_on_include": "Including File",
        "playbook_on_no_hosts_matched": "No Hosts Matched",
        "playbook_on_no_hosts_remaining": "No Hosts Remaining",
        "playbook_on_task_start": "Task Started",
        "playbook_on_setup": "Gathering Facts",
        "playbook_on_import_for_host": "internal: on Import for Host",
        "playbook_on_not_import_for_host": "internal: on Not Import for Host",
    },
    {
        "runner_on_failed": "Host Failed",
        "runner_on_start": "Host Started",
        "runner_on_ok": "Host OK",
        "runner_on_error": "Host Failure",
        "runner_on_skipped": "Host Skipped",
        "runner_on_unreachable": "Host Unreachable",
        "runner_on_no_hosts": "No Hosts Remaining",
        "runner_on_async_poll": "Host Polling",
        "runner_on_async_ok": "Host Async OK",
        "runner_on_async_failed": "Host Async Failure",
        "runner_item_on_ok": "Item OK",
        "runner_item_on_failed": "Item Failed",
        "runner_item_on_skipped": "Item Skipped",
        "runner_retry": "Host Retry",
        "runner_on_file_diff": "File Difference",
    },
)
EVENTS = [(event, words) for level in reversed(_BY_LEVEL) for event, words in level.items()]
_WORDS = dict(EVENTS)
_LEVELS = {event: level for level, events in enumerate(_BY_LEVEL) for event in events}


def level_of(event: str) -> int:
    return _LEVELS.get(event, 0)


def display_of(event: str, play: str = "", task: str = "", role: str = "") -> str:
    """The kind's words, with the play or task that starts."""
    words = _WORDS.get(event, event)
    if event == "playbook_on_play_start" and play:
        return f"{words} ({play})"
    if event == "playbook_on_task_start" and task:
        return f"{words} ({role} | {task})" if role else f"{words} ({task})"
    return words
