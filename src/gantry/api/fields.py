"""Fields that take null where AWX takes it, and the check of variables. awx/api/fields.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rest_framework import serializers

from gantry.base.errors import InvalidInput
from gantry.resources.variables import parse_variables

LARGEST = 2**31 - 1


class _TakesNull:
    """A null reaches `to_internal_value`, which stores something else for it."""

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        stop, data = super().validate_empty_values(data)  # type: ignore[misc]
        return (False, data) if stop and data is None else (stop, data)


class NullableBooleanField(_TakesNull, serializers.BooleanField):
    """null and "" mean false."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "allow_null": True})

    def to_internal_value(self, data: Any) -> bool:
        return bool(super().to_internal_value(data)) if data is not None else False


class CharNullField(_TakesNull, serializers.CharField):
    """null means an empty string, unless the column itself keeps null."""

    def __init__(self, **kwargs: Any) -> None:
        self.keeps_null = bool(kwargs.get("allow_null"))
        super().__init__(**{**kwargs, "allow_null": True})

    def to_internal_value(self, data: Any) -> Any:
        if data is None and self.keeps_null:
            return None
        return super().to_internal_value("" if data is None else data)


class ChoiceNullField(_TakesNull, serializers.ChoiceField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "allow_null": True})

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value("" if data is None else data)


class VariablesField(CharNullField):
    """Text that must be a mapping in YAML or JSON; it is kept as it was written."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            raise serializers.ValidationError("Not a valid string.")
        text = super().to_internal_value(data)
        try:
            parse_variables(text)
        except InvalidInput as error:
            raise serializers.ValidationError(str(error)) from error
        return text


def refuse(error: InvalidInput) -> serializers.ValidationError:
    """The same refusal for use inside a serializer's `validate`."""
    return serializers.ValidationError({error.field: [str(error)]})


def limit_of(field: str) -> Callable[[Any], int]:
    """A number of which 0 means no limit."""

    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise InvalidInput("A valid integer is required.", field=field)
        if not 0 <= value <= LARGEST:
            raise InvalidInput(f"Not a number from 0 to {LARGEST}.", field=field)
        return value

    return check
