"""Saved launch configurations: the fields and checks that schedules (and workflow nodes) share.

AWX: LaunchConfigurationBaseSerializer. What is saved is refused where a launch would ignore it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied

from gantry.api.credentials import CredentialSerializer
from gantry.api.shape import AwxSerializer
from gantry.api.views import AttachView
from gantry.base.errors import InvalidInput
from gantry.path.launch import passwords_needed
from gantry.path.prompts import credential_slot
from gantry.path.saved_prompts import Errors, prompts_of, saved_errors, whole
from gantry.resources import access
from gantry.resources.base import JOB_TYPES, VERBOSITIES
from gantry.resources.credentials import ENCRYPTED
from gantry.resources.launch_configs import OPTIONS
from gantry.resources.models import Credential, JobTemplate, WorkflowJobTemplate
from gantry.resources.surveys import password_variables, questions
from gantry.resources.variables import parse_variables

SAVED = (
    "extra_data", "inventory", "scm_branch", "job_type", "job_tags", "skip_tags", "limit",
    "diff_mode", "verbosity", "execution_environment", "forks", "job_slice_count", "timeout",
)  # fmt: skip
LARGEST = 2**31 - 1
NOTHING = "---------"


class SavedDataField(serializers.JSONField):
    """Variables: an object, or its text as YAML or JSON; kept as an object."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        try:
            return parse_variables(data, field="extra_data")
        except InvalidInput as error:
            raise serializers.ValidationError(str(error)) from error


def _text(**more: Any) -> serializers.CharField:
    return serializers.CharField(
        allow_blank=True, allow_null=True, required=False, default=None, **more
    )


def _number(**more: Any) -> serializers.IntegerField:
    # Validators rather than limits: these are PostgreSQL's, and AWX's OPTIONS name none.
    fits = [MinValueValidator(-LARGEST), MaxValueValidator(LARGEST)]
    return serializers.IntegerField(
        required=False, allow_null=True, default=None, validators=fits, **more
    )


class LaunchConfigSerializer(AwxSerializer):
    extra_data = SavedDataField(required=False, default=dict)
    scm_branch = _text()
    job_type = serializers.ChoiceField(
        allow_blank=True, allow_null=True, required=False, default=None, choices=JOB_TYPES
    )
    job_tags = _text()
    skip_tags = _text()
    limit = _text()
    diff_mode = serializers.BooleanField(required=False, allow_null=True, default=None)
    verbosity = serializers.ChoiceField(
        allow_null=True, required=False, default=None, choices=VERBOSITIES
    )
    forks = _number(min_value=0)
    job_slice_count = _number(min_value=0)
    timeout = _number()

    used: ClassVar[Mapping[str, str]] = {"inventory": "use", "execution_environment": "read"}
    whole: ClassVar[bool] = True  # whether required answers must be among what is saved
    hints = {
        "job_type": {"choices": [(None, NOTHING), ("", NOTHING), *JOB_TYPES]},
        "verbosity": {"choices": [(None, NOTHING), *VERBOSITIES]},
    }

    def to_representation(self, instance: Any) -> dict[str, Any]:
        for name in OPTIONS:
            setattr(instance, name, instance.char_prompts.get(name))
        shown = super().to_representation(instance)
        shown["extra_data"] = instance.shown_data()
        return shown

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        template = attrs.get("unified_job_template") or getattr(
            self.instance, "unified_job_template", None
        )
        asked = set(SAVED) | {"unified_job_template"}
        if template is not None and asked & set(attrs):
            self._take(whole(template), attrs)
        return super().validate(attrs)

    def _take(self, template: Any, attrs: dict[str, Any]) -> None:
        """The options into `char_prompts`, passwords known as such; all of it checked."""
        config = copy.copy(self.instance) if self.instance is not None else self.model()()
        kept = config.open_data() if config.pk else {}
        config.char_prompts = dict(config.char_prompts)
        for name in set(OPTIONS) & set(attrs):
            config.char_prompts[name] = attrs.pop(name)
        config.char_prompts = {k: v for k, v in config.char_prompts.items() if v is not None}
        attrs["char_prompts"] = config.char_prompts
        for name in ("inventory", "execution_environment"):
            if name in attrs:
                setattr(config, name, attrs[name])
        variables = dict(attrs["extra_data"]) if "extra_data" in attrs else kept
        surveyed = isinstance(template, JobTemplate | WorkflowJobTemplate)
        secret = password_variables(template) if surveyed else []
        errors: Errors = {}
        if "extra_data" in attrs:
            errors = _known_again(template, secret, variables, kept)
            attrs["survey_passwords"] = {k: ENCRYPTED for k in secret if k in variables}
            attrs["extra_data"] = variables
        found = saved_errors(template, prompts_of(config, variables), whole=self.whole)
        if "extra_vars" in found:
            found["extra_data"] = found.pop("extra_vars")
        if errors or found:
            raise serializers.ValidationError({**found, **errors})

    def create(self, validated_data: dict[str, Any]) -> Any:
        # What is sealed is bound to its row, and in the clear it is never stored.
        data = validated_data.get("extra_data", {})
        secret = {k: data[k] for k in validated_data.get("survey_passwords", {})}
        plain = {k: v for k, v in data.items() if k not in secret}
        row = super().create({**validated_data, "extra_data": plain})
        if secret:
            row.extra_data = data
            row.seal_answers()
            row.save()
        return row

    def update(self, instance: Any, validated_data: dict[str, Any]) -> Any:
        if "extra_data" in validated_data:
            instance.extra_data = validated_data.pop("extra_data")
            instance.survey_passwords = validated_data.pop("survey_passwords")
            instance.seal_answers()
        return super().update(instance, validated_data)


def _known_again(
    template: Any, secret: list[str], variables: dict[str, Any], kept: dict[str, Any]
) -> Errors:
    """Put what was kept where `$encrypted$` stands; leave it out where the survey has a default."""
    wrong = []
    for name in [k for k, v in variables.items() if v == ENCRYPTED]:
        if name not in secret:
            wrong.append(f'"$encrypted$ is a reserved keyword, may not be used for {name}."')
        elif name in kept:
            variables[name] = kept[name]
        elif any(q["variable"] == name and q.get("default") for q in questions(template)):
            del variables[name]
        else:
            return {
                "extra_data": f"Provided variable {name} has no database value to replace with."
            }
    return {"extra_data": wrong} if wrong else {}


class ConfigCredentialsList(AttachView):
    """The credentials that a saved configuration brings along."""

    model = Credential
    serializer_class = CredentialSerializer
    relationship = "credentials"
    creates = False

    def children(self, parent: Any) -> Any:
        return Credential.objects.filter(pk__in=parent.credentials.values("pk"))

    def attach_verb(self) -> str:
        return "use"

    def attach(self, parent: Any, row: Any, *, created: bool = False) -> Any:
        # A wrong template is told before whose the credential is, and a person who may not use it
        # learns nothing of it.
        if not access.may(self.request.user, "use", row):
            raise PermissionDenied
        return super().attach(parent, row, created=created)

    def refuse(self, parent: Any, row: Any) -> Any:
        said = _why_not(whole(parent.unified_job_template), parent, row)
        return {"msg": said} if said else None


def _why_not(template: Any, parent: Any, row: Any) -> str:
    if not isinstance(template, JobTemplate):
        return "Related template cannot accept credentials on launch."
    if passwords_needed([row]):
        return (
            "Credential that requires user input on launch cannot be used in saved launch "
            "configuration."
        )
    if not template.ask_credential_on_launch:
        return "Related template is not configured to accept credentials on launch."
    if any(credential_slot(c) == credential_slot(row) for c in parent.credentials.all()):
        return f"This launch configuration already provides a {_slot_name(row)} credential."
    if template.credentials.filter(pk=row.pk).exists():
        return f"Related template already uses {row.name} credential."
    return ""


def _slot_name(row: Any) -> str:
    identity = row.inputs.get("vault_id") if row.credential_type.kind == "vault" else ""
    name = str(row.credential_type.name)
    return f"{name} (id={identity})" if identity else name
