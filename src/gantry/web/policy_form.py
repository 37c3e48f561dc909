"""An organization's rules for images: their registries, their signers, what they must have."""

from __future__ import annotations

from typing import Any

from django import forms

from gantry.base.errors import InvalidInput
from gantry.images.allowed import check_registries
from gantry.images.public_keys import load_keys
from gantry.resources.base import PREFLIGHT_POLICIES
from gantry.resources.organizations import Organization
from gantry.web.forms import Wide


class PolicyForm(forms.Form):
    allowed_registries = forms.CharField(
        label="Allowed registries", required=False, widget=Wide(3),
        help_text="One a line: host[:port][/path]. Empty: images of any registry run.",
    )  # fmt: skip
    signature_keys = forms.CharField(
        label="Signature keys", required=False, widget=Wide(4),
        help_text="Public keys (PEM). When there are any, only images signed by one of them run.",
    )  # fmt: skip
    preflight = forms.ChoiceField(
        label="When an environment lacks what a playbook needs",
        choices=PREFLIGHT_POLICIES, widget=forms.RadioSelect(),
    )  # fmt: skip

    def __init__(self, data: Any = None, *, row: Organization) -> None:
        self.row = row
        first = {
            "allowed_registries": "\n".join(row.allowed_registries),
            "signature_keys": row.signature_keys,
            "preflight": row.preflight,
        }
        super().__init__(data, initial=first)

    def clean_allowed_registries(self) -> list[str]:
        lines = str(self.cleaned_data["allowed_registries"]).split()
        try:
            return check_registries(lines)
        except InvalidInput as error:
            raise forms.ValidationError(str(error)) from error

    def clean_signature_keys(self) -> str:
        text = str(self.cleaned_data["signature_keys"]).strip().replace("\r\n", "\n")
        try:
            load_keys(text)
        except InvalidInput as error:
            raise forms.ValidationError(str(error)) from error
        return text

    def save(self) -> None:
        for name, value in self.cleaned_data.items():
            setattr(self.row, name, value)
        self.row.save(update_fields=[*self.cleaned_data, "modified"])
