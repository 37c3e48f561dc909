"""The keywords of plays, blocks and tasks: whatever else a task has for a key is its module.

ansible-core's, as `ansible-doc -t keyword -l` lists them; a test compares.
"""

from __future__ import annotations

PLAYBOOK_ENTRIES = {"import_playbook", "include"}
TASKS = {"include_tasks", "import_tasks", "include"}
ROLES = {"include_role", "import_role"}
STATIC = {"import_tasks", "import_role"}
_WORDS = (
    "action always any_errors_fatal args async async_val become become_exe become_flags "
    "become_method become_user block changed_when check_mode collections connection debugger delay "
    "delegate_facts delegate_to diff environment failed_when ignore_errors ignore_unreachable "
    "listen local_action loop loop_control loop_with module_defaults name no_log notify poll port "
    "register remote_user rescue retries run_once tags throttle timeout until vars when"
)
TASK_KEYWORDS = frozenset(_WORDS.split(" "))
# Their text is an expression without braces.
BARE = frozenset({"when", "changed_when", "failed_when", "until", "that"})


def plain(name: str) -> str:
    """`ansible.builtin.include_tasks` is include_tasks."""
    for prefix in ("ansible.builtin.", "ansible.legacy."):
        name = name.removeprefix(prefix)
    return name
