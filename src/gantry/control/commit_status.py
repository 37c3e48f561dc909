"""What a commit status's row becomes when its turn comes: the outbox of commit statuses.

A state that a later one has overtaken is not sent; where the later one was sent first, it is sent
again, so that the last word that a service hears is the last state.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from django.utils import timezone

from gantry.base.config import settings
from gantry.base.errors import JobFailure
from gantry.control.outbox import Outbox, Outcome, Prepared
from gantry.path.notifiers import Message
from gantry.path.notifiers.commit_status import SENDERS
from gantry.resources.credentials import ENCRYPTED
from gantry.resources.webhooks import CommitStatus

OVERTAKEN = "A later state took its place."


def prepare(pk: int) -> Prepared | None:
    """Raises nothing that a person could have caused: that is `left_out`, for the row to keep."""
    related = ("unified_job__organization", "credential__credential_type")
    row = CommitStatus.objects.select_related(*related).filter(pk=pk, status="pending").first()
    if row is None:
        return None
    job = row.unified_job
    token, left_out = _token(row)
    if row.unified_job.commit_statuses.filter(pk__gt=pk).exists():
        left_out = OVERTAKEN
    about = {
        "url": row.status_api, "token": token, "state": row.state,
        "context": settings().webhook_status_context.replace("{template}", job.name),
        "page": f"{settings().public_url}/jobs/{job.pk}/",
    }  # fmt: skip
    authorities = job.organization.ca_bundle if job.organization is not None else ""
    message = Message(about, f"{job.name}: {row.state}", "", authorities)
    return Prepared(row.service, message, [token] if token else [], left_out)


def _token(row: CommitStatus) -> tuple[str, str]:
    """The token, and why there is none. It is sent only to where it may go."""
    if row.credential is None:
        return "", "The webhook credential was deleted."
    allowed = settings().webhook_status_hosts
    host = urlsplit(row.status_api).hostname or ""
    if allowed and host not in allowed:
        return "", f"{host} is not among GANTRY_WEBHOOK_STATUS_HOSTS."
    try:
        token = str(row.credential.open_inputs().get("token") or "")
    except JobFailure as error:
        return "", str(error)
    if token in ("", ENCRYPTED):
        return "", "The webhook credential has no token: an import has none."
    return token, ""


def _keep(row: CommitStatus, outcome: Outcome) -> list[str]:
    if not outcome.error:
        row.error = ""
        later = CommitStatus.objects.filter(unified_job=row.unified_job_id, pk__gt=row.pk)
        later.filter(status="successful").update(
            status="pending", next_try=None, modified=timezone.now()
        )
    return []


COMMIT_STATUSES = Outbox(
    CommitStatus, "unified_job", SENDERS, prepare, _keep, lambda row: True
)  # fmt: skip
