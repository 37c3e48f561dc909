"""What docs/awx-compatibility.md says in words: pattern of "METHOD /api/path" -> sentence.

DIFFERS is of what is there and answers otherwise than AWX; ABSENT of what is not there.
"""

from __future__ import annotations

DIFFERS: dict[str, str] = {
    r"POST /api/v2/settings/logging/test/": "the message itself is sent, and its fate told",
    r"POST /api/v2/config/(subscriptions|attach)/": "there is no service to ask: always 400",
    r" /api/v2/metrics/": "without AWX's licence and subsystems; Gantry's own are gantry_...",
    r" /api/v2/mesh_visualizer/": "nodes without links",
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
    r"POST /api/v2/schedules/": (
        "next_run is the true next one, also of a rule from long ago; times that a clock leaves "
        "out are skipped; INTERVAL 0, rules over 8,000 characters and SECONDLY are refused; what a "
        "schedule could not start is told in gantry.problem, what it missed in gantry.missed"
    ),
    r"POST /api/v2/system_job_templates/\{pk\}/launch/": "days is checked at launch",
    r"POST /api/v2/inventory_sources/\{pk\}/update/": (
        "counts and seconds of the import are in gantry.imported, not in the output; a blank "
        "enabled_value means true"
    ),
    r"(GET|POST) /api/v2/inventories/\{pk\}/input_inventories/": (
        "listed by name; a job takes them in the order in which they were attached"
    ),
    r"DELETE /api/v2/inventories/\{pk\}/": "an inventory is gone when the answer comes (AWX: 202)",
    r"POST /api/v2/bulk/host_delete/": "409 while a job uses one of the inventories",
    r"POST /api/v2/credentials/\{pk\}/test/": (
        "who may only use a credential tests it as it is, and cannot send its token elsewhere"
    ),
    r"POST /api/v2/job_templates/\{pk\}/launch/": (
        "an inventory that one may not see does not exist: 400 (AWX: 403); a survey's password "
        "that is too short is told as $encrypted$"
    ),
    r"POST /api/v2/job_templates/\{pk\}/schedules/": (
        "where a required answer of the survey is missing no job starts, and the schedule says so"
    ),
    r"POST /api/v2/(users|teams)/\{pk\}/roles/": (
        "the last administrator cannot be demoted through roles"
    ),
    r"POST /api/v2/workflow_job_templates/\{pk\}/launch/": (
        "at a node that waits for all its parents, one that ended in error or was canceled counts "
        "as failed; a node whose launch is refused is a failed job that says why"
    ),
    r"POST /api/v2/bulk/job_launch/": (
        "extra_vars reach only the templates that ask for variables, secret answers are sealed"
    ),
    r"POST /api/v2/workflow_approvals/\{pk\}/deny/": "the approval says who denied it",
    r"POST /api/v2/notification_templates/\{pk\}/test/": (
        "a failed send is tried again; redirects to another host get no password; an imported "
        "$encrypted$ is never sent, and the notification says so"
    ),
    r"(POST|PATCH) /api/v2/users/": "an empty password, which awx import sends, changes nothing",
    r"/api/o/token/": "redirect URIs match exactly; ten failed logins get 429",
    r"(PUT|PATCH) /api/v2/settings/\{category_slug\}/": (
        "settings come from the environment: DEFAULT_EXECUTION_ENVIRONMENT and LOG_AGGREGATOR_ "
        "alone are written"
    ),
    r"POST .*_templates/\{pk\}/(github|gitlab|bitbucket_dc)/": (
        "GitHub's sha256 too; a ping, and what the template filters out, starts nothing; commit "
        "status of pushes too, tried again; what cannot be launched is a 400 that says why"
    ),
}

ABSENT: dict[str, str] = {
    r" /api/v2/analytics/": "Gantry sends nothing home",
}
