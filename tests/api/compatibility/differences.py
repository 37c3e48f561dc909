"""What docs/awx-compatibility.md says in words: pattern of "METHOD /api/path" -> sentence.

DIFFERS is of what is there and answers otherwise than AWX; ABSENT of what is not there.
"""

from __future__ import annotations

DIFFERS: dict[str, str] = {
    r"POST /api/v2/job_templates/\{pk\}/callback/": (
        "a host that only an update of the inventory would bring is not waited for; answers to the "
        "survey are taken whether or not the template asks for variables"
    ),
    r"POST /api/v2/ad_hoc_commands/\{pk\}/relaunch/": "the new command's launch_type is relaunch",
    r" /api/v2/activity_stream/": (
        "a role that is given or taken has its object as object1 whichever list it went by; a host "
        "key of callbacks is hidden; Gantry's own columns are told too"
    ),
    r"POST /api/v2/role_(user|team)_assignments/$": (
        "no ansible_id fields (there is no resource registry); System Auditor is the user's flag"
    ),
    r"(PUT|PATCH) /api/v2/role_definitions/\{pk\}/": "content_type of a definition stays",
    r" /api/v2/role_definitions/$": (
        "the definitions that AWX makes when an old role is given (... Compat) are there from the "
        "start"
    ),
    r" /api/v2/instances/\{pk\}/health_check/": (
        "controllers are hybrid nodes, which check themselves once a minute: GET shows the last "
        "check, POST is refused (AWX: 404)"
    ),
}

ABSENT: dict[str, str] = {
    r" /api/v2/bulk/job_launch/": "it makes a workflow, and workflows are not built yet (issue 6)",
    r" /api/v2/(workflow|.*/workflow|job_templates/\{pk\}/slice)": (
        "workflows are not built yet (issue 6)"
    ),
    r" /api/v2/(notification|.*/notification)": "notifications are not built yet (issue 6)",
    r"/(webhook_key|github|gitlab|bitbucket_dc)/": "webhooks are not built yet (issue 6)",
    r" /api/v2/analytics/": "Gantry sends nothing home",
    r" /api/v2/config/(subscriptions|attach)/|(POST|DELETE) /api/v2/config/$": (
        "there is no subscription"
    ),
}
