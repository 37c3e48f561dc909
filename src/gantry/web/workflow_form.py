"""A workflow's own fields, and which of them its launch asks for. The API saves them."""

from __future__ import annotations

from typing import Any

from django import forms

from gantry.resources.access import visible, within
from gantry.resources.inventories import Inventory
from gantry.resources.organizations import Organization, User
from gantry.resources.workflows import WorkflowJobTemplate
from gantry.web.ask import AskForm
from gantry.web.forms import Wide

# field -> the switch that lets a launch set it
ASKED = {
    "inventory": "ask_inventory_on_launch", "limit": "ask_limit_on_launch",
    "scm_branch": "ask_scm_branch_on_launch", "extra_vars": "ask_variables_on_launch",
    "job_tags": "ask_tags_on_launch", "skip_tags": "ask_skip_tags_on_launch",
}  # fmt: skip
TEXTS = ("limit", "scm_branch", "job_tags", "skip_tags")


class WorkflowForm(AskForm):
    name = forms.CharField(max_length=512)
    description = forms.CharField(required=False)
    organization = forms.ModelChoiceField(
        Organization.objects.none(), required=False, empty_label="None: for system administrators"
    )
    inventory = forms.ModelChoiceField(
        Inventory.objects.none(), required=False, empty_label="As each node has it",
        help_text="For nodes whose templates ask for one.",
    )  # fmt: skip
    limit = forms.CharField(required=False)
    scm_branch = forms.CharField(label="Branch, tag or commit", required=False)
    job_tags = forms.CharField(label="Tags", required=False)
    skip_tags = forms.CharField(label="Skip tags", required=False)
    extra_vars = forms.CharField(
        label="Variables", required=False, widget=Wide(), help_text="YAML or JSON; for every node."
    )
    allow_simultaneous = forms.BooleanField(label="Runs may overlap", required=False)
    ask_labels_on_launch = forms.BooleanField(label="Ask for labels at launch", required=False)

    def __init__(self, data: Any = None, *, row: WorkflowJobTemplate | None, user: User) -> None:
        first = {name: getattr(row, name) for name in self.base_fields} if row else {}
        first |= {flag: getattr(row, flag) for flag in ASKED.values()} if row else {}
        super().__init__(data, initial=first)
        for flag in ASKED.values():
            self.fields[flag] = forms.BooleanField(label="", required=False)
        owners = visible(user, Organization.objects.all())
        used = within(user, "use", Inventory.objects.all())
        if row is not None and row.inventory_id:
            used = used | Inventory.objects.filter(pk=row.inventory_id)
        self._choose("organization", owners)
        self._choose("inventory", used)

    def _choose(self, name: str, rows: Any) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = rows

    def pairs(self) -> list[tuple[Any, Any]]:
        """(field, its "ask at launch" switch or None), in the form's order."""
        shown = [name for name in self.fields if name not in ASKED.values()]
        return [(self[name], self[ASKED[name]] if name in ASKED else None) for name in shown]

    def body(self) -> dict[str, Any]:
        """What was left empty was not said: a node's own then counts."""
        body = super().body()
        return body | {name: body[name] or None for name in TEXTS}
