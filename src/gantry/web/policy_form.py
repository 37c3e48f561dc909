"""An organization's rules for images: their registries, their signers, what they must have."""

from __future__ import annotations

import re
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django import forms

from gantry.base.image_reference import InvalidReference, parse_reference
from gantry.resources.base import PREFLIGHT_POLICIES
from gantry.resources.organizations import Organization
from gantry.web.forms import Wide

_PEM = re.compile(r"-----BEGIN [A-Z ]+-----.+?-----END [A-Z ]+-----", re.S)


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
        for line in lines:
            if not is_registry(line):
                raise forms.ValidationError(
                    f"{line} is not a registry. Write host[:port], and a path where only a part of "
                    "it is meant: quay.io/ansible."
                )
        return lines

    def clean_signature_keys(self) -> str:
        text = str(self.cleaned_data["signature_keys"]).strip().replace("\r\n", "\n")
        blocks = _PEM.findall(text)
        if text and (not blocks or _PEM.sub("", text).strip()):
            raise forms.ValidationError("This is not one or more public keys in PEM.")
        for number, block in enumerate(blocks, 1):
            try:
                load_pem_public_key(block.encode())
            except (ValueError, UnsupportedAlgorithm) as error:
                raise forms.ValidationError(f"Key {number} cannot be read: {error}") from error
        return text

    def save(self) -> None:
        for name, value in self.cleaned_data.items():
            setattr(self.row, name, value)
        self.row.save(update_fields=[*self.cleaned_data, "modified"])


def is_registry(text: str) -> bool:
    """Whether it can stand before the name of an image."""
    try:
        return bool(parse_reference(f"{text.rstrip('/')}/x").domain)
    except InvalidReference:
        return False
