"""What a webhook's delivery leads to: it is checked, filtered, and starts a job, once.

AWX: awx/api/views/webhooks.py. Every delivery whose template exists leaves a record of what became
of it. A job, its delivery and the first commit status are one transaction, under a lock on the
template, so that of two equal deliveries one starts a job.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from gantry.base.config import settings
from gantry.base.errors import GantryError, InvalidInput
from gantry.path import commit_status
from gantry.path.prompts import Handed
from gantry.path.saved_prompts import whole
from gantry.resources.jobs import Job, UnifiedJob
from gantry.resources.surveys import default_of, questions
from gantry.resources.templates import JobTemplate, UnifiedJobTemplate
from gantry.resources.variables import parse_variables
from gantry.resources.webhooks import LONGEST_EVENT, LONGEST_GUID, WebhookDelivery
from gantry.resources.workflows import WorkflowJob, WorkflowJobTemplate
from gantry.triggers.start import start
from gantry.triggers.webhook_samples import SAMPLES
from gantry.triggers.webhook_services import SERVICES, Headers, Told

Template = JobTemplate | WorkflowJobTemplate
PREFIXES = ("awx", "tower")
_STRANGERS = 20  # deliveries kept of those who had not the key
_SELDOM = timedelta(seconds=1)  # no more of them are written down than one in this time
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Sent:
    """A delivery whose sender had the key."""

    event: str
    guid: str
    payload: dict[str, Any]
    status_api: str | None = None  # None: where its payload says
    test: bool = False
    redelivery_of: WebhookDelivery | None = None


def receive(template: Template, headers: Headers, body: bytes) -> WebhookDelivery:
    """What became of a request to the receiver of the template's service."""
    service = SERVICES[template.webhook_service]
    event = headers.get(service.event, "")[:LONGEST_EVENT]
    delivery = WebhookDelivery(
        unified_job_template=template, service=template.webhook_service, event=event
    )
    key = template.open_webhook_key().encode()
    if event in service.unsigned:
        return _of_stranger(delivery, "ignored", f"{event} asks for nothing.")
    if not key or not service.right(key, headers, body):
        return _of_stranger(delivery, "refused", "Its signature or token is not this template's.")
    delivery.verified = True
    delivery.guid = service.guid(headers, body)
    if not event:
        return _keep(delivery, "refused", f"It has no header {service.event}.")
    if not delivery.guid or len(delivery.guid) > LONGEST_GUID:
        delivery.guid = ""
        return _keep(delivery, "refused", "It has no delivery id, or none that can be kept.")
    try:
        payload = _read(headers, body)
    except InvalidInput as error:
        return _keep(delivery, "refused", error.sentence)
    return deliver(template, Sent(event, delivery.guid, payload))


def send_test(template: Template, event: str = "", payload: Any = None) -> WebhookDelivery:
    """As if the service had sent its sample, or this event and payload; no commit is told of."""
    _check_service(template)
    sample = SAMPLES[template.webhook_service]
    event = event or sample.event
    if payload is None:
        payload = sample.payload
    parse_variables(payload, field="payload")
    if not isinstance(payload, dict):
        raise InvalidInput("Expected an object.", field="payload")
    status = None if event != sample.event or payload is not sample.payload else ""
    return deliver(template, Sent(event, f"test-{uuid4()}", payload, status, test=True))


def redeliver(delivery: WebhookDelivery) -> WebhookDelivery:
    """The same once more, as the template is now. Raises InvalidInput."""
    template = whole(delivery.unified_job_template)
    _check_service(template)
    if not delivery.payload or delivery.service != template.webhook_service:
        raise InvalidInput("Only what the template's service sent, and was right, is kept whole.")
    payload = json.loads(delivery.payload)
    return deliver(
        template,
        Sent(delivery.event, f"redelivery-{uuid4()}", payload, "" if delivery.test else None,
             test=delivery.test, redelivery_of=delivery),
    )  # fmt: skip


def _check_service(template: Template) -> None:
    if not template.webhook_service:
        raise InvalidInput("The template has no webhook service.", field="webhook_service")


def deliver(template: Template, sent: Sent) -> WebhookDelivery:
    service = SERVICES[template.webhook_service]
    told = service.tell(sent.event, sent.payload)
    delivery = WebhookDelivery(
        unified_job_template=template, service=template.webhook_service, event=sent.event,
        guid=sent.guid, ref=_short(told.ref or ""), branch=_short(", ".join(told.branches)),
        payload=json.dumps(sent.payload), verified=True, test=sent.test,
        redelivery_of=sent.redelivery_of,
    )  # fmt: skip
    if service.ignored(sent.event):
        return _keep(delivery, "ignored", f"{sent.event} asks for nothing.")
    reason = unwanted(template, sent.event, told)
    if reason:
        return _keep(delivery, "filtered", reason)
    try:
        with transaction.atomic():
            # Two equal deliveries may come at the same moment.
            UnifiedJobTemplate.objects.select_for_update(no_key=True).get(pk=template.pk)
            if _came_before(template, sent.guid):
                delivery.payload = ""
                return _keep(delivery, "repeated", "A job was launched for it before.")
            delivery.job = _launch(template, sent, told)
            return _keep(delivery, "launched", "")
    except GantryError as error:
        delivery.job = None
        return _keep(delivery, "refused", _words(error))


def unwanted(template: Template, event: str, told: Told) -> str:
    """Why the template's filter keeps it out; "" when it does not. A branch is meant by its name
    (`main`, `release/*`) or its full name (`refs/tags/v*`)."""
    names = (event, f"{event}:{told.action}")
    if not _any(template.webhook_events, names):
        return f"The template takes the events {', '.join(template.webhook_events)} alone."
    named = [n for full in told.branches for n in (full, full.removeprefix("refs/heads/"))]
    if not _any(template.webhook_branches, named):
        return f"The template takes the branches {', '.join(template.webhook_branches)} alone."
    return ""


def _any(patterns: list[str], names: Any) -> bool:
    return not patterns or any(fnmatchcase(n, p) for p in patterns for n in names)


def _came_before(template: Template, guid: str) -> bool:
    given = {
        "unified_job_template": template.pk, "webhook_service": template.webhook_service,
        "webhook_guid": guid,
    }  # fmt: skip
    jobs = (model._default_manager.filter(**given) for model in (Job, WorkflowJob))
    # Its job may have been cleared away.
    known = template.webhook_deliveries.filter(guid=guid, outcome="launched")
    return any(rows.exists() for rows in (*jobs, known))


def _launch(template: Template, sent: Sent, told: Told) -> UnifiedJob:
    status_api = told.status_api if sent.status_api is None else sent.status_api
    given = {
        "event_type": sent.event, "event_guid": sent.guid, "event_ref": told.ref,
        "status_api": status_api or None, "payload": sent.payload,
    }  # fmt: skip
    variables = {f"{p}_webhook_{name}": value for p in PREFIXES for name, value in given.items()}
    # As in AWX nobody is there to answer: the survey's defaults do.
    answers = {
        question["variable"]: default_of(template, question)
        for question in questions(template)
        if question["required"] and question.get("default") not in (None, "")
    }
    job = start(template, {"extra_vars": answers}, "webhook", Handed(variables))
    model = Job if job.kind == "job" else WorkflowJob  # a job in slices is one too
    model._default_manager.filter(pk=job.pk).update(
        webhook_service=template.webhook_service, webhook_guid=sent.guid,
        webhook_credential=template.webhook_credential_id, webhook_status_api=status_api or "",
    )  # fmt: skip
    status = commit_status.status_of(job, job.status)
    if status is not None:
        commit_status.write_down(status)
    return job


def _read(headers: Headers, body: bytes) -> dict[str, Any]:
    """The payload. Raises InvalidInput for what is no JSON object that can be handed to a job."""
    if headers.get("Content-Type", "").partition(";")[0].strip().lower() == _FORM:
        try:
            body = parse_qs(body.decode(), max_num_fields=10).get("payload", [""])[0].encode()
        except ValueError as error:
            raise InvalidInput("Its body is no form with one field payload.") from error
    try:
        payload = json.loads(body)
        json.dumps(payload, ensure_ascii=False).encode()  # no half characters
    except (ValueError, RecursionError) as error:
        raise InvalidInput("Its body is no JSON text.") from error
    if not isinstance(payload, dict):
        raise InvalidInput("Its body is no JSON object.")
    return parse_variables(payload, field="payload")


def _short(text: str) -> str:
    return text.replace("\0", "")[:1024]


def _words(error: GantryError) -> str:
    name = getattr(error, "field", "__all__")
    return str(error) if name == "__all__" else f"{name}: {error}"


def _of_stranger(delivery: WebhookDelivery, outcome: str, reason: str) -> WebhookDelivery:
    """Anybody can send these: they may cost little."""
    delivery.outcome, delivery.reason = outcome, reason
    rows = WebhookDelivery.objects.filter(
        unified_job_template=delivery.unified_job_template_id, verified=False
    )
    if rows.filter(created__gt=timezone.now() - _SELDOM).exists():
        return delivery
    return _keep(delivery, outcome, reason)


def _keep(delivery: WebhookDelivery, outcome: str, reason: str) -> WebhookDelivery:
    """Write it down, and forget the oldest."""
    delivery.outcome, delivery.reason = outcome, reason.replace("\0", "")
    delivery.save()
    most = max(settings().webhook_deliveries, 1) if delivery.verified else _STRANGERS
    rows = WebhookDelivery.objects.filter(
        unified_job_template=delivery.unified_job_template_id, verified=delivery.verified
    ).order_by("-pk")
    last = rows.values_list("pk", flat=True)[most : most + 1]
    for pk in last:
        rows.filter(pk__lte=pk).delete()
    return delivery
