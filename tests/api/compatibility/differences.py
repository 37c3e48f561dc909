"""What docs/awx-compatibility.md says in words: pattern of "METHOD /api/path" -> sentence.

DIFFERS is of what is there and answers otherwise than AWX; ABSENT of what is not there.
"""

from __future__ import annotations

DIFFERS: dict[str, str] = {
    r" /api/v2/instances/\{pk\}/health_check/": (
        "controllers are hybrid nodes, which check themselves once a minute: GET shows the last "
        "check, POST is refused (AWX: 404)"
    ),
}

ABSENT: dict[str, str] = {
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
