"""What a schedule or a workflow's node launches with: its template's prompts, kept for later.

A value that is the template's own is not kept, so that the template goes on deciding it. What may
be kept, the API says (gantry.path.saved_prompts).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import yaml
from django.http import HttpRequest

from gantry.resources.launch_configs import OPTIONS, LaunchConfig
from gantry.resources.organizations import User
from gantry.resources.surveys import questions
from gantry.resources.templates import JobTemplate
from gantry.resources.variables import parse_variables
from gantry.resources.workflows import WorkflowJobTemplate
from gantry.web.ask import ask, sentences
from gantry.web.launch_form import LISTS, LaunchForm
from gantry.web.survey_fields import PREFIX, without_answers

# The API's names of fields -> those of a form.
NAMES = {"extra_data": "extra_vars", "variables_needed_to_start": ""}


class SavedPromptsForm(LaunchForm):
    """`config` is what is kept already. `whole`: required answers must be given now."""

    def __init__(
        self, *args: Any, template: JobTemplate | WorkflowJobTemplate, user: User,
        config: LaunchConfig | None, whole: bool = True, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(*args, template=template, user=user, **kwargs)
        self.config = config
        for name in [n for n in self.fields if n.startswith("password:")]:
            del self.fields[name]  # nobody will be there to type it
        if "extra_vars" in self.fields:
            self.fields["extra_vars"].initial = ""
        if "credentials" in self.fields:
            self.fields["credentials"].initial = []
            self.fields["credentials"].help_text = "Besides the template's own."
        for name in LISTS:
            if name in self.fields and name != "credentials":
                self.fields[name].initial = []
        for name, field in self.fields.items():
            if name == "inventory":
                field.required = False
                field.empty_label = "As the template says"  # type: ignore[attr-defined]
            if not whole:
                field.required = False
        if config is not None:
            self._fill(config)

    def _fill(self, config: LaunchConfig) -> None:
        kept = config.shown_data()
        for name in OPTIONS:
            if name in self.fields and config.char_prompts.get(name) is not None:
                self.fields[name].initial = config.char_prompts[name]
        for name in ("inventory", "execution_environment"):
            if name in self.fields and getattr(config, name) is not None:
                self.fields[name].initial = getattr(config, name)
        for name in LISTS:
            if name in self.fields and config.pk:
                self.fields[name].initial = list(getattr(config, name).all())
        self._fill_answers(kept)
        if kept and "extra_vars" in self.fields:
            self.fields["extra_vars"].initial = yaml.safe_dump(kept, sort_keys=False)

    def _fill_answers(self, kept: dict[str, Any]) -> None:
        """Takes the survey's answers out of what is kept."""
        for question in questions(self.template):
            variable = question["variable"]
            if variable not in kept:
                continue
            field = self.fields[PREFIX + variable]
            if question["type"] == "password":
                field.required = False
                field.widget.attrs["placeholder"] = "Left empty: the answer that is kept"
            else:
                field.initial = kept.pop(variable)
            kept.pop(variable, None)

    def saved(self) -> dict[str, Any]:
        """The part of the API's body that says with what to launch; lists apart, see `relate`.
        Raises InvalidInput for variables that cannot be read."""
        body: dict[str, Any] = {}
        data: dict[str, Any] = {}
        for name, value in without_answers(self.cleaned_data).items():
            if name in LISTS:
                continue
            if name == "extra_vars":
                data |= parse_variables(value, field="extra_vars")
            elif name in ("inventory", "execution_environment"):
                own = getattr(self.template, f"{name}_id")
                body[name] = value.pk if value is not None and value.pk != own else None
            else:
                own = getattr(self.template, name)
                body[name] = value if value not in (own, None) else None
        return {**body, "extra_data": data | self._answers}

    def kept(self) -> Collection[str]:
        return self.config.survey_passwords if self.config is not None else ()

    def relate(self, request: HttpRequest, address: str) -> list[str]:
        """Attach and detach credentials, labels and instance groups below the API's address of the
        saved row; what was refused, in words."""
        wrong = []
        for name in LISTS:
            if name not in self.fields:
                continue
            chosen = {row.pk for row in self.cleaned_data.get(name) or ()}
            kept = getattr(self.config, name).values_list("pk", flat=True) if self.config else ()
            wrong += relate(request, f"{address}{name}/", set(kept), chosen)
        return wrong


def relate(request: HttpRequest, address: str, before: set[int], after: set[int]) -> list[str]:
    """Make a list of the API hold `after`, one row at a time; what was refused, in words."""
    wrong = []
    for pk in sorted(before - after):
        answer = ask(request, "POST", address, {"id": pk, "disassociate": True})
        wrong += [] if answer.ok else [sentences(answer.data)]
    for pk in sorted(after - before):
        answer = ask(request, "POST", address, {"id": pk})
        wrong += [] if answer.ok else [sentences(answer.data)]
    return wrong
