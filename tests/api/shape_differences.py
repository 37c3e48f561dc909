"""Where Gantry answers otherwise than AWX 24.6.1 did, and why: pattern -> reason.

A pattern is searched in "<exchange> <where>: <what>". Most of what is missing comes with the issue
on AWX's API, which then strikes it out here.
"""

from __future__ import annotations

NEXT = "the resource comes with the issue on AWX's API"

# Exchanges of resources that do not exist yet.
LATER: dict[str, str] = {}

_LINKS = (
    "ansible_facts"
    "|create_schedule"
    "|inventory_sources|job_events|job_host_summaries|labels|schedules"
    "|scm_inventory_sources|scm_inventory_updates|slice_workflow_jobs|smart_inventories"
    "|tree|update_inventory_sources"
    "|workflow_job_templates"
)
_COMPUTED = (
    "ansible_facts_modified|custom_virtualenv|has_active_failures|has_inventory_sources"
    "|host_status_counts|hosts_with_active_failures|inventory_sources_with_failures"
    "|last_job_host_summary|pending_deletion|total_groups|total_hosts|total_inventory_sources"
    "|work_unit_id"
)

DIFFERENCES: dict[str, str] = {
    r"^api_v2 \.\w+: missing": "only what exists is listed: awxkit makes a command of each key",
    rf"\.related\.({_LINKS}): missing": f"a link leads somewhere: {NEXT}",
    r"^roles_GET_list .*: (missing|extra)": "the first roles are the system's and organizations'",
    r"\.summary_fields\.resource: missing": "AWX's resource registry is for a gateway beside it",
    r"\.related_search_fields: lacks": "relations to resources that do not exist yet",
    r"\.related_search_fields: has": "relations that AWX stores in another way",
    r"^tokens\w* .*\.GET\.token\.filterable: False": "only hashes of tokens are kept",
    r"\.gantry: extra": "what Gantry knows beyond AWX, under one key",
    rf"\.actions\.GET\.({_COMPUTED})\.filterable: False": "computed, so there is no column to ask",
    r"^system_job\w* .*\.job_type\.choices: has": "Gantry's own cleans up images",
    r"OPTIONS.*\.(is_system_auditor|modified)\.filterable: True": "a column here, not in AWX",
    r"^workflow_job\w+_OPTIONS.*\.(job_tags|limit|scm_branch|skip_tags)\.filterable: True": "a "
    "column here; AWX keeps a workflow's prompts in one JSON value, which cannot be asked for",
    r"^workflow_job_template_nodes_OPTIONS.*\.identifier\.default: '[0-9a-f-]{36}' for": "a new "
    "UUID each time, which the recording blots out",
    r"\.webhook_service\.choices: has \['gitea', 'Gitea'\]": "a service that AWX does not know",
    r"\.related\.webhook_(deliveries|test): extra": "what came in; beyond AWX",
    r"\.actions\.(POST|PUT)\.(email|local_path)\.default: extra": "AWX has the same default unsaid",
    r"^role_definitions\w* \.(max_page_size|(related_)?search_fields|types): extra": "a view of "
    "django-ansible-base says less of itself in AWX",
    r"^jobs_activity_stream .*instance_group: missing": f"jobs have none yet: {NEXT}",
    r"^config \.analytics_collectors\.\w+: missing": "Gantry sends nothing home",
    r"\.job_env\.\w+: missing": "the variables that a job's own pod needs; the test gives it one",
    r"\.(related|summary_fields)\.modified_by: extra": "AWX forgets it when a job runs",
    r"^jobs_relaunch_POST .*\.execution_environment: extra": "a relaunch keeps the job's EE",
}
