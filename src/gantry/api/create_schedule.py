"""/jobs/N/create_schedule/: launch again and again what a job was launched with."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.job_templates import with_credentials
from gantry.api.names import url_of
from gantry.api.schedules import ScheduleSerializer
from gantry.api.shape import SUMMARIES, summary
from gantry.api.views import NounView, person_of
from gantry.path.launch import passwords_needed
from gantry.path.places import prompted_groups
from gantry.resources import access
from gantry.resources.launch_configs import OPTIONS
from gantry.resources.models import Job, Schedule
from gantry.resources.surveys import open_answers, shown_variables
from gantry.resources.templates import PROMPTS
from gantry.resources.variables import parse_variables


class CreateScheduleSerializer(serializers.Serializer[Any]):
    can_schedule = serializers.BooleanField(read_only=True)
    prompts = serializers.DictField(read_only=True)


class JobCreateSchedule(NounView):
    model = Job
    serializer_class = CreateScheduleSerializer
    post_verb = "start"

    def get_queryset(self) -> Any:
        return Job.objects.select_related("job_template", "inventory").prefetch_related(
            with_credentials(Job), "labels"
        )

    def get(self, request: Request, **kwargs: Any) -> Response:
        job = self.get_object()
        prompts = _shown(_prompted(job)) if job.job_template is not None else {}
        return Response({"can_schedule": not _why_not(job), "prompts": prompts})

    def post(self, request: Request, **kwargs: Any) -> Response:
        job = self.get_object()
        refused = _why_not(job)
        if refused:
            return Response({"error": refused}, 400)
        prompts, person = _prompted(job), person_of(request)
        row = Schedule(
            name=_free_name(f"Auto-generated schedule from job {job.pk}"), enabled=False,
            unified_job_template=job.unified_job_template,
            rrule=f"DTSTART:{timezone.now():%Y%m%dT%H%M%SZ} RRULE:FREQ=MONTHLY;INTERVAL=1",
            char_prompts={k: v for k, v in prompts.items() if k in OPTIONS},
            inventory=prompts.get("inventory"), created_by=person, modified_by=person,
            execution_environment=prompts.get("execution_environment"),
        )  # fmt: skip
        self._check(row, prompts)
        with transaction.atomic():
            _save(row, job, prompts)
        fresh = ScheduleSerializer.tune(Schedule.objects.all()).get(pk=row.pk)
        shown = ScheduleSerializer(fresh, context=self.get_serializer_context())
        return Response(shown.data, 201, headers={"Location": url_of(row)})

    def _check(self, row: Schedule, prompts: dict[str, Any]) -> None:
        """What the job brought along must be this person's to use, too."""
        user = self.request.user
        brought = (*prompts.get("credentials", []), *prompts.get("instance_groups", []))
        used = [r for r in (row.inventory, *brought) if r is not None]
        if not access.may(user, "add", row) or not all(access.may(user, "use", r) for r in used):
            raise PermissionDenied


def _why_not(job: Any) -> str:
    if passwords_needed(list(job.credentials.all())):
        return "Cannot create schedule because job requires credential passwords."
    if job.job_template is None or job.inventory is None:
        return "Cannot create schedule because a related resource is missing."
    return ""


def _prompted(job: Any) -> dict[str, Any]:
    """Where the job differs from its template in what that asks for."""
    template, found = job.job_template, {}
    own = set(template.credentials.values_list("pk", flat=True))
    labels = set(template.labels.values_list("pk", flat=True))
    for name, flag in PROMPTS.items():
        if not getattr(template, flag) or name == "extra_vars":
            continue
        if name == "credentials":
            value: Any = [c for c in job.credentials.all() if c.pk not in own]
        elif name == "labels":
            value = [label for label in job.labels.all() if label.pk not in labels]
        elif name == "instance_groups":
            value = prompted_groups(job)
        elif name == "execution_environment":
            value = job.execution_environment if job.ee_reason == "chosen at launch" else None
        else:
            value = getattr(job, name)
            if value == getattr(template, name):
                continue
        if value not in (None, []):
            found[name] = value
    variables = _variables(job, shown_variables(job))
    return {**found, "extra_vars": variables} if variables else found


def _variables(job: Any, text: str) -> dict[str, Any]:
    own = parse_variables(job.job_template.extra_vars, field="extra_vars")
    given = parse_variables(text, field="extra_vars")
    return {k: v for k, v in given.items() if k not in own or own[k] != v}


def _shown(prompts: dict[str, Any]) -> dict[str, Any]:
    shown = dict(prompts)
    for name in ("inventory", "execution_environment"):
        if name in shown:
            shown[name] = summary(shown[name], SUMMARIES[name])
    if "credentials" in shown:
        shown["credentials"] = [summary(c, SUMMARIES["credential"]) for c in shown["credentials"]]
    if "instance_groups" in shown:
        names = SUMMARIES["instance_group"]
        shown["instance_groups"] = [summary(group, names) for group in shown["instance_groups"]]
    if "labels" in shown:
        rows = [{"id": label.pk, "name": label.name} for label in shown["labels"]]
        shown["labels"] = {"count": len(rows), "results": rows}
    return shown


def _save(row: Schedule, job: Any, prompts: dict[str, Any]) -> None:
    variables = prompts.get("extra_vars", {})
    row.survey_passwords = {k: v for k, v in job.survey_passwords.items() if k in variables}
    row.extra_data = {k: v for k, v in variables.items() if k not in row.survey_passwords}
    row.save()
    if row.survey_passwords:
        answers = open_answers(job)
        row.extra_data |= {k: answers[k] for k in row.survey_passwords if k in answers}
        row.seal_answers()
        row.save()
    row.credentials.set(prompts.get("credentials", []))
    row.labels.set(prompts.get("labels", []))
    for group in prompts.get("instance_groups", []):
        row.instance_groups.add(group)  # one by one: their order counts


def _free_name(name: str) -> str:
    taken = set(Schedule.objects.filter(name__startswith=name).values_list("name", flat=True))
    candidate, number = name, 0
    while candidate in taken:
        number += 1
        candidate = f"{name} - number {number}"
    return candidate
