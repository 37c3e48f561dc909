"""A notification template's fields: those of its kind, and its own words for each occasion."""

from __future__ import annotations

import json
from typing import Any

from django import forms

from gantry.base.errors import InvalidInput
from gantry.resources.access import visible
from gantry.resources.credentials import ENCRYPTED
from gantry.resources.notification_kinds import APPROVALS, EVENTS, KINDS
from gantry.resources.notifications import NotificationTemplate
from gantry.resources.organizations import Organization, User
from gantry.resources.variables import parse_variables
from gantry.web.ask import AskForm
from gantry.web.forms import Wide
from gantry.web.inventory_forms import choose, rows

OCCASIONS = {
    "started": "A job starts", "success": "A job ends well", "error": "A job ends otherwise",
    "running": "An approval waits", "approved": "It is approved", "denied": "It is denied",
    "timed_out": "Nobody answered in time",
}  # fmt: skip
# AWX's label says the contrary of what the field does.
LABELS = {
    "mattermost_no_verify_ssl": "Do not check the server's certificate",
    "rocketchat_no_verify_ssl": "Do not check the server's certificate",
    "disable_ssl_verification": "Do not check the server's certificate",
}
OPEN = ("username", "password", "client_name", "headers")  # may be left empty
_CONFIG, _SAID = "config:", "said:"


class NotificationForm(AskForm):
    name = forms.CharField(max_length=512)
    description = forms.CharField(required=False)
    organization = rows(Organization.objects.none())

    def __init__(
        self, data: Any = None, *, kind: str, row: NotificationTemplate | None, user: User
    ) -> None:
        names = ("name", "description", "organization")
        super().__init__(data, initial={n: getattr(row, n) for n in names} if row else {})
        self.kind, self.row = kind, row
        choose(self, "organization", visible(user, Organization.objects.all()))
        shown = row.shown_configuration() if row else {}
        for name, told in KINDS[kind].fields.items():
            self.fields[_CONFIG + name] = _field(name, told, shown.get(name, told.get("default")))
        self.names = {f"notification_configuration.{n}": _CONFIG + n for n in KINDS[kind].fields}
        self._words(row.messages if row else None)

    def _words(self, kept: Any) -> None:
        """What it says instead of the kind's own words, which stand behind an empty field."""
        for event, name, text in _texts(KINDS[self.kind].messages):
            own = (
                ((kept or {}).get("workflow_approval") or {}) if event in APPROVALS else kept or {}
            )
            said = (own.get(event) or {}).get(name) or ""
            field = forms.CharField(
                label=name.capitalize(), required=False, initial=said, strip=False,
                widget=Wide(3) if name == "body" else forms.TextInput(),
            )  # fmt: skip
            field.widget.attrs["placeholder"] = text
            self.fields[f"{_SAID}{event}:{name}"] = field

    def own(self) -> list[Any]:
        return [self[n] for n in self.fields if not n.startswith(_SAID)]

    def words(self) -> list[tuple[str, list[Any]]]:
        """(occasion, its fields)."""
        found: dict[str, list[Any]] = {}
        for name in self.fields:
            if name.startswith(_SAID):
                found.setdefault(name.split(":")[1], []).append(self[name])
        return [(OCCASIONS[event], fields) for event, fields in found.items()]

    @property
    def worded(self) -> bool:
        """Whether anything is said that is not the kind's own."""
        return any(bound.value() for _, some in self.words() for bound in some)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name, told in KINDS[self.kind].fields.items():
            at = _CONFIG + name
            if told["type"] == "list" and at in cleaned:
                cleaned[at] = [line.strip() for line in cleaned[at].splitlines() if line.strip()]
            elif told["type"] == "object" and at in cleaned:
                try:
                    cleaned[at] = parse_variables(cleaned[at], field=at)
                except InvalidInput as error:
                    self.add_error(at, str(error))
        return cleaned

    def body(self) -> dict[str, Any]:
        given = self.cleaned_data
        config = {n: given[_CONFIG + n] for n in KINDS[self.kind].fields}
        said: dict[str, Any] = {"workflow_approval": {}}
        for event, name, _ in _texts(KINDS[self.kind].messages):
            place = said["workflow_approval"] if event in APPROVALS else said
            text = given[f"{_SAID}{event}:{name}"].replace("\r\n", "\n")
            place.setdefault(event, {})[name] = text
        return {
            "name": given["name"], "description": given["description"],
            "organization": given["organization"].pk, "notification_type": self.kind,
            "notification_configuration": config, "messages": said,
        }  # fmt: skip


def _texts(messages: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(occasion, message | body, the kind's own words), as far as the kind has them."""
    found = []
    for event in (*EVENTS, *APPROVALS):
        told = messages[event] if event in EVENTS else messages["workflow_approval"][event]
        found += [(event, name, text) for name, text in told.items() if text is not None]
    return found


def _field(name: str, told: dict[str, Any], shown: Any) -> forms.Field:
    label, kind = LABELS.get(name, told["label"]), told["type"]
    common: dict[str, Any] = {"label": label, "initial": shown}
    common["required"] = kind != "bool" and "default" not in told and name not in OPEN
    if kind == "bool":
        return forms.BooleanField(**common)
    if kind == "int":
        return forms.IntegerField(**{**common, "required": True})
    if kind == "password":
        return _password(common)
    if kind == "list":
        common |= {"initial": "\n".join(shown or []), "widget": Wide(3)}
        common["help_text"] = "One a line."
    if kind == "object":
        common |= {"initial": json.dumps(shown, indent=2) if shown else "", "widget": Wide(3)}
        common["help_text"] = "YAML or JSON."
    if name == "http_method":
        common["widget"] = forms.Select(choices=[("POST", "POST"), ("PUT", "PUT")])
    return forms.CharField(**common)


def _password(common: dict[str, Any]) -> forms.Field:
    """Only that there is one is ever shown."""
    widget = forms.PasswordInput(render_value=True, attrs={"autocomplete": "new-password"})
    shown = ENCRYPTED if common["initial"] == ENCRYPTED else ""
    return forms.CharField(widget=widget, strip=False, **{**common, "initial": shown})
