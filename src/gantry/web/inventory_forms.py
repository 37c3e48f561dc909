"""The fields of inventories, hosts, groups and sources, as people type them; the API saves them."""

from __future__ import annotations

from typing import Any

from django import forms

from gantry.resources.access import visible, within
from gantry.resources.credentials import Credential
from gantry.resources.environments import ExecutionEnvironment
from gantry.resources.inventories import Inventory
from gantry.resources.inventory_sources import SOURCES, VERBOSITIES, InventorySource
from gantry.resources.organizations import Organization, User
from gantry.resources.projects import Project
from gantry.web.ask import AskForm
from gantry.web.forms import Wide


def variables(words: str = "YAML or JSON.") -> forms.CharField:
    return forms.CharField(label="Variables", required=False, widget=Wide(8), help_text=words)


def rows(queryset: Any, **more: Any) -> forms.ModelChoiceField[Any]:
    more.setdefault("empty_label", "None" if not more.get("required", True) else "Choose …")
    return forms.ModelChoiceField(queryset, **more)


def choose(form: forms.BaseForm, name: str, queryset: Any, chosen: Any = None) -> None:
    """What may be chosen; what is chosen already stays a choice."""
    field = form.fields[name]
    assert isinstance(field, forms.ModelChoiceField)
    if chosen:
        queryset = queryset | queryset.model.objects.filter(pk=getattr(chosen, "pk", chosen))
    field.queryset = queryset.distinct()


def when(form: forms.BaseForm, **conditions: str) -> None:
    """Fields that count only while another has one of some values: ask_form.html hides them."""
    for name, condition in conditions.items():
        form.fields[name].when = condition  # type: ignore[attr-defined]


class InventoryForm(AskForm):
    """`kind` is "", smart or constructed, and stays what it was made as."""

    name = forms.CharField(max_length=512)
    description = forms.CharField(required=False)
    organization = rows(Organization.objects.none())

    def __init__(self, data: Any = None, *, row: Inventory | None, kind: str, user: User) -> None:
        names = ("name", "description", "organization", "variables", "host_filter")
        first = {n: getattr(row, n) for n in names} if row else {}
        super().__init__(data, initial=first)
        self.kind, self.row = kind, row
        choose(self, "organization", visible(user, Organization.objects.all()))
        if kind == "smart":
            self.fields["host_filter"] = forms.CharField(
                label="Host filter", widget=Wide(3),
                help_text="Of the organization's hosts, such as name__startswith=web and "
                "groups__name=east, or ansible_facts__ansible_distribution=Debian.",
            )  # fmt: skip
        if kind == "constructed":
            self._constructed(row, user)
        self.fields["variables"] = variables()

    def _constructed(self, row: Inventory | None, user: User) -> None:
        source: Any = row.inventory_sources.order_by("pk").first() if row else None
        inputs = within(user, "use", Inventory.objects.exclude(kind="constructed"))
        self.fields["input_inventories"] = forms.ModelMultipleChoiceField(
            inputs.distinct(), label="Made of", widget=forms.CheckboxSelectMultiple(),
            initial=list(row.input_inventories.all()) if row else [],
        )  # fmt: skip
        self.fields["source_vars"] = forms.CharField(
            label="Constructed by", required=False, widget=Wide(8),
            initial=source.source_vars if source else "plugin: constructed\nstrict: true\n",
            help_text="Of the plugin ansible.builtin.constructed: groups, keyed_groups, compose.",
        )  # fmt: skip
        self.fields["limit"] = forms.CharField(
            required=False, initial=source.limit if source else "",
            help_text="Only hosts that match this pattern.",
        )  # fmt: skip
        self.fields["update_cache_timeout"] = forms.IntegerField(
            label="Reuse an update for (seconds)", required=False, min_value=0,
            initial=source.update_cache_timeout if source else 0,
        )  # fmt: skip
        self.fields["verbosity"] = forms.TypedChoiceField(
            choices=VERBOSITIES, coerce=int, initial=source.verbosity if source else 1
        )

    def body(self) -> dict[str, Any]:
        body = super().body()
        body.pop("input_inventories", None)  # attached one by one
        return body if self.row or self.kind == "constructed" else body | {"kind": self.kind}

    @property
    def noun(self) -> str:
        return "constructed_inventories" if self.kind == "constructed" else "inventories"


class HostForm(AskForm):
    name = forms.CharField(
        max_length=512, help_text="As ansible calls it; ansible_host says another address."
    )
    description = forms.CharField(required=False)
    enabled = forms.BooleanField(
        label="Jobs may run on it", required=False, initial=True,
        help_text="Switched off, it stays here and is in no job.",
    )  # fmt: skip
    variables = variables()


class GroupForm(AskForm):
    name = forms.CharField(max_length=512)
    description = forms.CharField(required=False)
    variables = variables()


OFFERED = [pair for pair in SOURCES if pair[0] not in ("file", "constructed")]
CLOUDS = ",".join(name for name, _ in OFFERED if name != "scm")


class SourceForm(AskForm):
    name = forms.CharField(max_length=512)
    description = forms.CharField(required=False)
    source = forms.ChoiceField(label="Kind", choices=OFFERED)
    source_project = rows(Project.objects.none(), label="Project", required=False)
    source_path = forms.CharField(
        label="File", required=False, help_text="In the project; empty: all of its top directory."
    )
    scm_branch = forms.CharField(
        label="Branch", required=False, help_text="Only where the project allows another."
    )
    credential = rows(Credential.objects.none(), required=False)
    execution_environment = rows(
        ExecutionEnvironment.objects.none(), required=False, empty_label="As resolved"
    )
    source_vars = forms.CharField(
        label="Of the plugin", required=False, widget=Wide(6),
        help_text="YAML or JSON: regions, filters, keyed_groups, compose.",
    )  # fmt: skip
    update_on_launch = forms.BooleanField(label="Update before each launch", required=False)
    update_cache_timeout = forms.IntegerField(
        label="Reuse an update for (seconds)", min_value=0, initial=0
    )
    overwrite = forms.BooleanField(
        label="Remove what the source no longer has", required=False,
        help_text="Of the hosts and groups that it brought.",
    )  # fmt: skip
    overwrite_vars = forms.BooleanField(
        label="Replace variables instead of merging", required=False
    )
    limit = forms.CharField(required=False)
    host_filter = forms.CharField(
        label="Only hosts that match", required=False, help_text="A regular expression."
    )
    enabled_var = forms.CharField(label="Enabled by variable", required=False)
    enabled_value = forms.CharField(label="Enabled by value", required=False)
    verbosity = forms.TypedChoiceField(choices=VERBOSITIES, coerce=int, initial=1)
    timeout = forms.IntegerField(
        label="Time limit (seconds)", initial=0, min_value=0, help_text="0: no limit."
    )

    def __init__(self, data: Any = None, *, row: InventorySource | None, user: User) -> None:
        first: dict[str, Any] = {}
        if row is not None:
            first = {n: getattr(row, n) for n in self.base_fields if n != "credential"}
            first["credential"] = row.cloud_credential()
        super().__init__(data, initial=first)
        choose(self, "source_project", within(user, "use", Project.objects.exclude(scm_type="")),
               first.get("source_project"))  # fmt: skip
        kinds = ("ssh", "registry", "galaxy", "external", "net")
        usable = Credential.objects.exclude(credential_type__kind__in=kinds)
        choose(self, "credential", within(user, "use", usable), first.get("credential"))
        choose(self, "execution_environment", visible(user, ExecutionEnvironment.objects.all()))
        when(self, source_project="source=scm", source_path="source=scm", scm_branch="source=scm")

    def body(self) -> dict[str, Any]:
        """Of a cloud, what is a project's counts for nothing, though it was typed before."""
        body = super().body()
        if body["source"] != "scm":
            body |= {"source_project": None, "source_path": "", "scm_branch": ""}
        return body
