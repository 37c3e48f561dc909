"""Step 8, finish: what became of the job, with a named class, a sentence and what to do.

`failed` means ansible ran and did not succeed, `error` that it could not run: AWX's words. A job
that ends without a word of explanation is a bug here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from gantry.path.stream import Ended, PodEnded
from gantry.pods.agent.source import TOO_OLD

TAIL = 4000
# What podman adds to a pod's stderr when the pod ends before its input was taken.
ATTACH_CUT = "Error: read unixpacket"


@dataclass(frozen=True)
class Verdict:
    """`code`, `sentence` and `cure` are empty for a job that succeeded."""

    status: str
    code: str = ""
    sentence: str = ""
    cure: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)


# Exit codes of ansible-playbook: lib/ansible/executor/task_queue_manager.py and cli/__init__.py.
ANSIBLE_EXIT = {
    1: ("playbook_error", "ansible-playbook ended with an error.",
        "Its output above names the file and the line."),
    2: ("hosts_failed", "Tasks failed on one or more hosts.",
        "Jump to the failed task in the output; the host results name the hosts."),
    4: ("hosts_unreachable", "One or more hosts could not be reached.",
        "Check the addresses in the inventory, the Machine credential, and that the pod's network "
        "reaches the hosts; the output names them."),
    5: ("bad_options", "ansible-playbook was called with options it does not know.",
        "Check the template's fields against the ansible-core of its execution environment."),
    8: ("playbook_error", "Not all hosts could be processed.", "See the output above."),
    99: ("interrupted", "ansible-playbook was interrupted inside the pod.",
         "Somebody or something sent it a signal; launch again."),
    250: ("ansible_crashed", "ansible-playbook met an unexpected exception.",
          "The traceback is in the output; try another version of ansible-core."),
}  # fmt: skip
# The same codes mean something else when no play has come to its recap.
BEFORE_ANY_PLAY = {
    2: ("bad_options", "ansible-playbook was called with options it does not know.",
        "Check the template's fields against the ansible-core of its execution environment."),
    4: ("playbook_unparsable", "The playbook, or something it reads, cannot be understood.",
        "The output names the file and the line: mend it, sync the project, launch again."),
}  # fmt: skip
# Of `ansible`, which has no recap: lib/ansible/cli/adhoc.py.
AD_HOC_EXIT = ANSIBLE_EXIT | {
    1: ("module_error", "ansible ended with an error.",
        "Its output above says which host or which argument it is about."),
    2: ("hosts_failed", "The module failed on one or more hosts.",
        "The output names the hosts, each with what the module said."),
    5: ("bad_options", "ansible was called with options it does not know.",
        "Check the command's fields against the ansible-core of its execution environment."),
    99: ("interrupted", "ansible was interrupted inside the pod.",
         "Somebody or something sent it a signal; launch again."),
    250: ("ansible_crashed", "ansible met an unexpected exception.",
          "The traceback is in the output; try another version of ansible-core."),
}  # fmt: skip
SYNC_EXIT = {
    2: ("sync_failed", "The project could not be synced.",
        "The last lines of the output are git's or svn's own words: check URL, branch and "
        "credential of the project."),
    3: ("image_incomplete", "The control plane image lacks a program that this sync needs.",
        "Give the Control Plane Execution Environment an image with ansible-core and git, for "
        "Subversion projects svn, for signed projects gpg and ansible-sign."),
    10: ("scm_unreachable", "The project's server cannot be reached from the pod.",
         "Check the host in the project's URL, and that the pods' network reaches it."),
    11: ("scm_denied", "The project's server refused the login.",
         "Check the project's Source Control credential: user name, password or key."),
    12: ("scm_tls", "The certificate of the project's server is not trusted.",
         "Add its CA to the CA bundle of the project's organization."),
    13: ("repository_unknown", "The project's server has nothing at that path.",
         "Check the path in the project's URL; servers also answer so to who may not see it."),
    14: ("branch_unknown", "The repository has no such branch, tag, commit or revision.",
         "Check the project's branch and refspec, or the branch that the launch asked for."),
    15: ("requirements_failed", "The project's roles or collections could not be installed.",
         "Check the requirements.yml it names, the Galaxy credentials of the project's "
         "organization, and that the pod reaches what stands in them."),
    16: ("submodules_failed", "The repository's submodules could not be fetched.",
         "Check their URLs in .gitmodules; the project's credential serves its own host only."),
    17: ("scm_url_refused", "The repository's URL is not one that Gantry takes.",
         "Use https://, http://, ssh:// or git://, in .gitmodules too."),
    18: ("archive_refused", "The project's archive cannot be taken.",
         "Make it anew with tar or zip, of regular files and links among them. How much room there "
         "is says GANTRY_POD_TMPFS."),
    19: ("signature_invalid", "The project is not what was signed.",
         "Find out who changed it. If all is well: `ansible-sign project gpg-sign .`, commit "
         ".ansible-sign, and check the key in the project's signature validation credential."),
}  # fmt: skip
INVENTORY_EXIT = {
    2: ("inventory_failed", "The inventory could not be read.",
        "The output names the file or the plug-in and what it lacks; mend the source."),
    3: ("image_without_ansible", "The image lacks a program that an inventory needs.",
        "Use an execution environment with ansible-core in its PATH."),
    20: ("inventory_garbage", "The inventory's answer cannot be understood.",
         "Run `ansible-inventory --list` on the source by hand, and mend what it prints."),
    21: ("inventory_too_large", "The inventory's answer is too large.",
         "Narrow the source: a filter of its plug-in, fewer variables of each host."),
    22: ("host_filter_broken", "The source's host_filter cannot be understood.",
         "It must be a regular expression of Python."),
}  # fmt: skip
ERROR_LINE = re.compile(r"^(?:gantry-(?:sync|inventory): |\[ERROR\]: |ERROR! )(.+)$", re.MULTILINE)
ANSIBLE = re.compile(r"\bansible(-playbook)?\b")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
LONGEST_WORDS = 500
# The agent's own reasons for an end (pods/agent/agent.py): status, class, sentence, cure.
BY_REASON = {
    "canceled": ("canceled", "canceled", "The job was canceled.", ""),
    "timeout": ("failed", "timeout", "Job terminated due to timeout",
                "Raise the template's timeout, or find out in the timeline what took so long."),
    "terminated": ("error", "pod_stopped", "The pod was stopped from outside while the play ran.",
                   "Somebody stopped the pod, or its machine shut down; launch again."),
    "unpack": ("error", "payload_rejected", "The pod could not unpack the job: {error}",
               "If the disk or memory of the pod is full, raise GANTRY_POD_TMPFS or "
               "GANTRY_POD_MEMORY."),
}  # fmt: skip


def decide(kind: str, outcome: Ended | PodEnded, last_output: str) -> Verdict:
    """Pure: from the agent's END frame, or from what the engine knows of a pod that just ended.
    `last_output` is the end of the job's output, asked for when it did not succeed."""
    if isinstance(outcome, PodEnded):
        return _without_end(outcome, last_output)
    values = outcome.values
    reason, rc = values.get("reason"), values.get("rc")
    evidence = {k: values.get(k) for k in ("rc", "reason", "error", "peak_memory", "oom_kills")}
    if reason in BY_REASON:
        status, code, sentence, cure = BY_REASON[reason]
        return Verdict(status, code, sentence.format(error=values.get("error")), cure, evidence)
    if reason == "exec":
        return _no_program(str(values.get("error")), evidence)
    if rc == 0:
        return Verdict("successful", evidence=evidence)
    return _by_exit(kind, rc or 0, evidence, COLOUR.sub("", last_output))


def _by_exit(kind: str, rc: int, evidence: dict[str, Any], last_output: str) -> Verdict:
    if evidence.get("oom_kills"):
        return Verdict(
            "failed", "out_of_memory",
            f"The pod ran out of memory: {evidence['oom_kills']} of its processes were killed.",
            "Raise GANTRY_POD_MEMORY, or lower the template's forks.", evidence,
        )  # fmt: skip
    known, program = ANSIBLE_EXIT, "ansible-playbook"
    ran = "PLAY RECAP" in last_output
    if kind == "project_update":
        known, program = SYNC_EXIT, "The sync"
    elif kind == "inventory_update":
        known, program = INVENTORY_EXIT, "The update"
    elif kind == "ad_hoc_command":
        known, program = AD_HOC_EXIT, "ansible"
    elif not ran:
        known = {**ANSIBLE_EXIT, **BEFORE_ANY_PLAY}
    code, sentence, cure = known.get(
        rc, ("exit_code", f"{program} ended with exit code {rc}.", "Its output above says why.")
    )
    words = ERROR_LINE.findall(last_output)
    if words and not ran:
        sentence = f"{sentence.rstrip('.')}: {words[-1].strip()[:LONGEST_WORDS]}"
    return Verdict("failed", code, sentence, cure, evidence)


def _no_program(words: str, evidence: dict[str, Any]) -> Verdict:
    program = ANSIBLE.search(words)
    if program:
        return Verdict(
            "error", "image_without_ansible", f"The image has no {program[0]} ({words}).",
            "Use an execution environment with ansible-core in its PATH.", evidence,
        )  # fmt: skip
    return Verdict(
        "error", "program_not_started", f"The job's program could not be started: {words}",
        "Check the execution environment's image.", evidence,
    )  # fmt: skip


def _without_end(outcome: PodEnded, last_output: str) -> Verdict:
    """The agent's last words never came: killed from outside, out of memory, or gone."""
    state = outcome.state
    evidence: dict[str, Any] = {
        "exit_code": state.exit_code, "oom_killed": state.oom_killed, "engine": state.error,
        "engine_events": outcome.events, "stderr": outcome.complaints[-TAIL:],
        "last_output": last_output[-TAIL:], **state.detail,
    }  # fmt: skip
    if TOO_OLD in outcome.complaints:
        return Verdict(
            "error", "python_too_old",
            next(line for line in outcome.complaints.splitlines() if TOO_OLD in line),
            "Gantry needs python3 3.9 or newer in the image.", evidence,
        )  # fmt: skip
    if state.oom_killed or "oom" in outcome.events:
        return Verdict(
            "error", "out_of_memory", "The pod was killed because it ran out of memory.",
            "Raise GANTRY_POD_MEMORY, or lower the template's forks.", evidence,
        )  # fmt: skip
    if state.gone:
        return Verdict(
            "error", "pod_gone", "The pod disappeared while the job ran; the engine no longer "
            "knows it.", "Somebody removed it, or the engine's machine was reset. What it had "
            "sent until then is recorded; launch again.", evidence,
        )  # fmt: skip
    code = state.exit_code
    if code is not None and code > 128:
        return Verdict(
            "error", "pod_killed", f"The pod was killed from outside (signal {code - 128}).",
            "Out of memory on the machine, or somebody killed it: see the engine's events in the "
            "evidence. Launch again.", evidence,
        )  # fmt: skip
    words = [w for w in outcome.complaints.strip().splitlines() if not w.startswith(ATTACH_CUT)]
    detail = f": {words[-1]}" if words else "."
    return Verdict(
        "error", "pod_ended", f"The pod ended by itself with exit code {code}{detail}",
        "The evidence has its last words; check the execution environment's python3.", evidence,
    )  # fmt: skip
