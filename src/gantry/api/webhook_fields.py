"""The webhook of job and workflow templates, and of their jobs, as AWX shows and checks it; the
filter, which AWX has not, is in the `gantry` block. AWX: JobTemplateMixin, awx/api/serializers.py.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from gantry.api.names import url_of

FILTERS = ("webhook_events", "webhook_branches")
_MOST = 50  # patterns in a list
_LONGEST = 200


class WebhookTemplateFields(serializers.Serializer[Any]):
    """Mixed into a template's serializer. In `gantry` two lists of patterns, as the shell has them:
    which events and which branches start a job; empty for all. POST and PATCH take them, a PUT
    leaves them: a client of AWX does not know them."""

    gantry = serializers.SerializerMethodField()

    def get_gantry(self, row: Any) -> dict[str, Any]:
        return {name: getattr(row, name) for name in FILTERS}

    def get_related(self, row: Any) -> dict[str, Any]:
        links: dict[str, Any] = super().get_related(row)  # type: ignore[misc]
        if row is not None:
            base = url_of(row)
            service = row.webhook_service
            links["webhook_key"] = f"{base}webhook_key/"
            links["webhook_receiver"] = f"{base}{service}/" if service else ""
            links["webhook_deliveries"] = f"{base}webhook_deliveries/"
            links["webhook_test"] = f"{base}webhook_test/"
        return links

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs |= self._filters()
        service, credential = (
            attrs.get(name, getattr(self.instance, name, None))
            for name in ("webhook_service", "webhook_credential")
        )
        if credential is not None:
            kind = credential.credential_type
            if kind.kind != "token":
                raise _wrong("Must be a Personal Access Token.")
            if not service or kind.namespace != f"{service}_token":
                raise _wrong("Must match the selected webhook service.")
        found: dict[str, Any] = super().validate(attrs)
        return found

    def gantry_block(self) -> dict[str, Any]:
        """What a request says in `gantry`; nothing in a PUT."""
        whole = self.instance is not None and not self.partial
        given = {} if whole else self.initial_data.get("gantry") or {}
        if not isinstance(given, dict):
            raise serializers.ValidationError({"gantry": ["Expected an object."]})
        return given

    def _filters(self) -> dict[str, Any]:
        given = self.gantry_block()
        taken = {name: given[name] for name in FILTERS if name in given}
        for name, patterns in taken.items():
            if not isinstance(patterns, list) or not all(_is_pattern(p) for p in patterns):
                words = f"Expected a list of texts of 1 to {_LONGEST} characters."
                raise serializers.ValidationError({name: [words]})
            if len(patterns) > _MOST:
                raise serializers.ValidationError({name: [f"No more than {_MOST} patterns."]})
        return taken


def filters_of(template: Any) -> dict[str, Any]:
    """As a POST takes them, for a copy; with a job template's limit."""
    names = (*FILTERS, "max_concurrent_jobs")
    return {"gantry": {n: getattr(template, n) for n in names if hasattr(template, n)}}


def _is_pattern(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST and value.isprintable()


def _wrong(sentence: str) -> serializers.ValidationError:
    return serializers.ValidationError({"webhook_credential": [sentence]})
