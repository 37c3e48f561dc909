"""Plays that print past Ansible: bytes of their own, straight to the pod's terminal.

A callback plug-in of the project, which runs in ansible-playbook's main process, prints at the
start of each task that has the variables `raw` (a Python expression of bytes) and `times`.
"""

from __future__ import annotations

PLUGIN = """
import os
from ansible.plugins.callback import CallbackBase

class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "raw"

    def v2_playbook_on_task_start(self, task, is_conditional):
        raw = task.vars.get("raw")
        if raw is None:
            return
        for number in range(int(task.vars.get("times", 1))):
            data = eval(str(raw), {"number": number})
            while data:
                data = data[os.write(1, data):]
"""


def printing(raw: str, times: int = 1) -> str:
    """A task that prints `raw` so many times; `number` counts them from 0."""
    return f"    - ping:\n      vars:\n        times: {times}\n        raw: >-\n          {raw}\n"


def asking(url: str) -> str:
    """A task that asks an URL outside of the pod, and waits for its answer as long as it takes."""
    return f"    - uri: {{url: '{url}', timeout: 200}}\n"


def project(*tasks: str) -> dict[str, str]:
    playbook = "- hosts: alpha\n  gather_facts: false\n  tasks:\n" + "".join(tasks)
    return {"site.yml": playbook, "callback_plugins/raw.py": PLUGIN}
