"""Template tags and filters: icons, status labels, durations, sizes and moments.

A built-in library of the pages' template engine (gantry.web.pages).
"""

from __future__ import annotations

import shlex
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django import template
from django.forms import BoundField
from django.http import QueryDict
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from gantry.resources.access import may as access_may
from gantry.resources.activity import kind_name
from gantry.web.access_page import KINDS, PAGES, url
from gantry.web.bulk import ACTS, acts_of
from gantry.web.icons import PATHS
from gantry.web.navigation import label_of, links

register = template.Library()

# status -> (colour role of gantry.css, icon). PatternFly's vocabulary.
LOOKS = {
    "new": ("neutral", "circle-dashed"),
    "pending": ("neutral", "clock"),
    "waiting": ("info", "clock"),
    "running": ("info", "loader-circle"),
    "successful": ("success", "circle-check"),
    "ok": ("success", "circle-check"),
    "failed": ("danger", "circle-x"),
    "error": ("danger", "circle-alert"),
    "missing": ("danger", "circle-alert"),
    "canceled": ("warning", "circle-slash"),
    "never updated": ("neutral", "circle-dashed"),
}
WORDS = {"never updated": "Never synced", "ok": "OK"}


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """Decoration: hidden from screen readers, the text beside it speaks."""
    return format_html(
        '<svg class="icon {}" viewBox="0 0 24 24" aria-hidden="true" focusable="false">{}</svg>',
        extra,
        mark_safe(PATHS[name]),  # noqa: S308  a constant of ours
    )


@register.simple_tag
def icon_paths(name: str) -> SafeString:
    """An icon's inside, for a picture that draws it itself."""
    return mark_safe(PATHS[name])  # noqa: S308  a constant of ours


@register.simple_tag
def status(value: str, extra: str = "") -> SafeString:
    look, picture = LOOKS.get(value, ("neutral", "circle-dashed"))
    word = WORDS.get(value, value.replace("_", " ").capitalize())
    spin = "spin" if value == "running" else ""
    return format_html(
        '<span class="label label-{} {}">{}{}</span>', look, extra, icon(picture, spin), word
    )


@register.filter
def duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    seconds = float(seconds)
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


@register.filter
def size(count: int | None) -> str:
    value = float(count or 0)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"


@register.simple_tag
def moment(when: datetime | None, never: str = "never") -> SafeString | str:
    """A time as distance; page.js keeps it true and puts the person's own zone into the title."""
    if when is None:
        return never
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        when.isoformat(timespec="milliseconds"),
        when.strftime("%Y-%m-%d %H:%M:%S"),
        ago(timezone.now() - when),
    )


@register.filter
def at(values: dict[Any, Any], key: Any) -> Any:
    """What a mapping has at a key that a template knows by name only."""
    return values.get(key, "")


@register.filter
def there(when: datetime, form: str = "%a %Y-%m-%d %H:%M") -> str:
    """A time in the zone that it carries, where Django's `date` would turn it into the server's."""
    return when.strftime(form)


def ago(distance: timedelta) -> str:
    seconds = int(distance.total_seconds())
    if seconds < -4:
        return f"in {ago(-distance).removesuffix(' ago')}"
    for limit, unit, word in (
        (60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h"), (30 * 86400, 86400, "d"),
    ):  # fmt: skip
        if seconds < limit:
            return "just now" if seconds < 5 else f"{seconds // unit} {word} ago"
    months = seconds // (30 * 86400)
    return f"{months} mo ago" if months < 12 else f"{seconds // (365 * 86400)} y ago"


@register.filter
def short(digest: str) -> str:
    """Twelve digits of a digest or commit, as everybody writes them."""
    name, colon, rest = digest.partition(":")
    return f"{name}:{rest[:12]}" if colon else digest[:12]


@register.filter
def bare(digest: str) -> str:
    """`short` without the algorithm, where the column says that it is a digest."""
    return short(digest).removeprefix("sha256:")


@register.filter
def shell(word: str) -> str:
    """As one word of a command line."""
    return shlex.quote(word)


@register.simple_tag
def may(user: Any, verb: str, row: Any) -> bool:
    return access_may(user, verb, row)


@register.simple_tag
def query(current: QueryDict, **changes: Any) -> str:
    """The address' query with some values changed; changing anything goes back to page one."""
    values = {k: v for k, v in current.dict().items() if k != "page" and v != ""}
    values |= changes
    return "?" + urlencode({k: v for k, v in values.items() if v not in ("", None)})


@register.inclusion_tag("parts/navigation.html", takes_context=True)
def navigation(context: dict[str, Any]) -> dict[str, Any]:
    return {"groups": links(context["request"])}


@register.inclusion_tag("parts/selection.html", takes_context=True)
def selection(context: dict[str, Any], noun: str) -> dict[str, Any]:
    """What can be done with the ticked rows of a list; `parts/select.html` is a row's tick."""
    acts = [(name, ACTS[name]) for name in acts_of(noun)]
    return {"noun": noun, "acts": acts, "request": context["request"],
            "csrf_token": context.get("csrf_token")}  # fmt: skip


@register.filter
def translated(text: Any) -> Any:
    """What forms and views say, in the person's language where there is one."""
    return gettext(str(text)) if text and not isinstance(text, SafeString) else text


@register.simple_tag
def list_label(name: str) -> Any:
    return label_of(name)


@register.inclusion_tag("parts/access_tabs.html")
def access_tabs(kind: str, row: Any, at: str = "details") -> dict[str, Any]:
    """Details, access and activity of an object that people hold roles on: access_page.KINDS."""
    return {"kind": kind, "row": row, "at": at, "here": url(KINDS[kind].page, row.pk),
            "word": kind_name(type(row))}  # fmt: skip


@register.simple_tag
def role_object(role: dict[str, Any]) -> SafeString | str:
    """What a role, as the API tells it, is a role on."""
    more = role["summary_fields"]
    name = more.get("resource_name")
    if not name:
        return "the whole system"
    kind = PAGES.get(more["resource_type"])
    word = str(more["resource_type_display_name"]).lower()
    address = url(kind, more["resource_id"]) if kind and more.get("resource_id") else ""
    shown = format_html('<a href="{}">{}</a>', address, name) if address else name
    return format_html('{} <span class="faint">{}</span>', shown, word)


@register.inclusion_tag("parts/field.html")
def field(bound: BoundField) -> dict[str, Any]:
    """A form's field with its label, help and error, tied together for screen readers."""
    widget = bound.field.widget
    described = [f"{bound.id_for_label}-{part}" for part in ("help", "error")]
    attributes: dict[str, str | bool] = {"aria-describedby": " ".join(described)}
    if bound.errors:
        attributes["aria-invalid"] = "true"
    return {
        "field": bound,
        "widget": bound.as_widget(attrs=attributes),
        "kind": getattr(widget, "input_type", "textarea"),
        "wide": getattr(widget, "wide", False),
        # A star where something is missing, not where a default will do.
        "must": bound.field.required and bound.initial in (None, ""),
    }
