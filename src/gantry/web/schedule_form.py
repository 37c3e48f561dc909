"""A schedule's form: when it runs, and the prompts of what it launches. The API saves both."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db import transaction
from django.http import HttpRequest

from gantry.base.errors import InvalidInput
from gantry.path.saved_prompts import whole
from gantry.resources.schedules import MISSED_RUNS, Schedule
from gantry.resources.templates import JobTemplate, UnifiedJobTemplate
from gantry.resources.variables import parse_variables
from gantry.resources.workflows import WorkflowJobTemplate
from gantry.web.ask import ask, refused
from gantry.web.forms import refuse
from gantry.web.pages import who
from gantry.web.rule_form import RuleFields
from gantry.web.saved_prompts_form import NAMES, SavedPromptsForm
from gantry.web.zone import zone_of


class ScheduleForm(RuleFields):
    name = forms.CharField(max_length=512)
    description = forms.CharField(required=False)
    missed_runs = forms.ChoiceField(
        label="Runs that were missed", choices=MISSED_RUNS, widget=forms.RadioSelect(),
        initial="run_once",
    )  # fmt: skip
    enabled = forms.BooleanField(label="Switched on", required=False, initial=True)


class Filled:
    """The form of one schedule with the prompts of its template beside it."""

    def __init__(
        self, request: HttpRequest, template: UnifiedJobTemplate, row: Schedule | None
    ) -> None:
        self.request, self.row, self.template = request, row, whole(template)
        data = request.POST if request.method == "POST" else None
        first: dict[str, Any] = {}
        if row is not None:
            names = ("name", "description", "missed_runs", "enabled")
            first = {name: getattr(row, name) for name in names}
        self.form = ScheduleForm(data, initial=first)
        self.form.prepare(row.rrule if row else "", zone_of(request))
        self.prompts: SavedPromptsForm | VariablesForm | None = None
        if isinstance(self.template, JobTemplate | WorkflowJobTemplate):
            self.prompts = SavedPromptsForm(
                data, template=self.template, user=who(request), config=row
            )
        elif template.kind == "system_job_template":
            kept = "\n".join(f"{k}: {v}" for k, v in row.extra_data.items()) if row else ""
            self.prompts = VariablesForm(data, initial={"extra_vars": kept})

    @property
    def wrong(self) -> bool:
        return bool(self.form.errors or (self.prompts and self.prompts.errors))

    def save(self) -> Schedule | None:
        right = self.form.is_valid()
        if self.prompts is not None:
            right = self.prompts.is_valid() and right
        rule = self.form.rule() if self.form.is_bound else ""
        if not right or self.form.errors:
            return None
        given = self.form.cleaned_data
        body = {
            "name": given["name"], "description": given["description"], "rrule": rule,
            "enabled": given["enabled"], "gantry": {"missed_runs": given["missed_runs"]},
        }  # fmt: skip
        try:
            body |= self.prompts.saved() if self.prompts else {}
        except InvalidInput as error:
            assert self.prompts is not None
            refuse(self.prompts, error)
            return None
        with transaction.atomic():
            saved = self._send(body)
            if saved is None or self.wrong:
                transaction.set_rollback(True)
                return None
        return saved

    def _send(self, body: dict[str, Any]) -> Schedule | None:
        if self.row is None:
            body["unified_job_template"] = self.template.pk
            answer = ask(self.request, "POST", "schedules/", body)
        else:
            answer = ask(self.request, "PATCH", f"schedules/{self.row.pk}/", body)
        if not answer.ok:
            self._refused(answer.data)
            return None
        if isinstance(self.prompts, SavedPromptsForm):
            for words in self.prompts.relate(self.request, f"schedules/{answer.pk}/"):
                self.prompts.add_error(None, words)
        return Schedule.objects.get(pk=answer.pk)

    def _refused(self, data: dict[str, Any]) -> None:
        """What is about a prompt goes beside it, the rest beside the schedule's own fields."""
        for name, words in data.items():
            at = NAMES.get(name, name)
            if self.prompts is not None and (at in self.prompts.fields or name in NAMES):
                refused(self.prompts, {at: words})
            else:
                where = "mode" if name == "rrule" and self._built() else name
                refused(self.form, {where: words})

    def _built(self) -> bool:
        return self.form.cleaned_data.get("mode") != "text"


class VariablesForm(forms.Form):
    """A system job's: days to keep."""

    extra_vars = forms.CharField(
        label="Variables", required=False, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="days: 30",
    )  # fmt: skip

    def saved(self) -> dict[str, Any]:
        return {"extra_data": parse_variables(self.cleaned_data["extra_vars"], field="extra_vars")}
