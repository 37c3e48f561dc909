"""Objects by their names: /api/v2/job_templates/Deploy++Default/ is /api/v2/job_templates/7/.

A name is the object's own fields, joined by `+`, then those of what it belongs to, each after `++`;
what belongs to nothing leaves its part empty. AWX works NODES out of its models' constraints:
awx/main/utils/named_url_graph.py; what a name leads to is its URLModificationMiddleware.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from django.db.models import F, Model, QuerySet
from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin

from gantry.api.names import ROOT
from gantry.resources import models as m

OUTER, INNER = "++", "+"
PLUS = f"[{INNER}]"  # one that is in a name
RESERVED = {char: quote(char, safe="") for char in ";/?:@=&[]"}
NOTHING = "0"  # an id that no row has: whoever asks is told so only after logging in


@dataclass(frozen=True)
class Node:
    model: type[Model]
    fields: tuple[str, ...] = ("name",)
    parents: tuple[tuple[str, str], ...] = ()  # foreign key, and the part of the URL it leads to


_OWNED = (("organization", "organizations"),)
_HELD = (("inventory", "inventories"),)
NODES: dict[str, Node] = {
    "organizations": Node(m.Organization),
    "execution_environments": Node(m.ExecutionEnvironment),
    "instance_groups": Node(m.InstanceGroup),
    "users": Node(m.User, ("username",)),
    "instances": Node(m.Instance, ("hostname",)),
    "credential_types": Node(m.CredentialType, ("name", "kind")),
    "credentials": Node(m.Credential, parents=(("credential_type", "credential_types"), *_OWNED)),
    "teams": Node(m.Team, parents=_OWNED),
    "labels": Node(m.Label, parents=_OWNED),
    "inventories": Node(m.Inventory, parents=_OWNED),
    "projects": Node(m.Project, parents=_OWNED),
    "job_templates": Node(m.JobTemplate, parents=_OWNED),
    "workflow_job_templates": Node(m.WorkflowJobTemplate, parents=_OWNED),
    "notification_templates": Node(m.NotificationTemplate, parents=_OWNED),
    "applications": Node(m.OAuth2Application, parents=_OWNED),
    "hosts": Node(m.Host, parents=_HELD),
    "groups": Node(m.Group, parents=_HELD),
    "inventory_sources": Node(m.InventorySource, parents=_HELD),
    "workflow_job_template_nodes": Node(
        m.WorkflowJobTemplateNode,
        ("identifier",),
        (("workflow_job_template", "workflow_job_templates"),),
    ),
}
_OF_MODEL = {node.model: node for node in NODES.values()}


def formats() -> dict[str, str]:
    """AWX's NAMED_URL_FORMATS."""

    def parts(node: Node, key: str) -> Iterator[str]:
        yield INNER.join(f"<{key}{field}>" for field in node.fields)
        for name, plural in node.parents:
            yield from parts(NODES[plural], f"{name}.")

    return {plural: OUTER.join(parts(node, "")) for plural, node in NODES.items()}


def graph() -> dict[str, Any]:
    """AWX's NAMED_URL_GRAPH_NODES."""
    return {
        plural: {"fields": list(node.fields), "adj_list": [list(p) for p in node.parents]}
        for plural, node in NODES.items()
    }


def named_url(row: Any, url: str) -> str | None:
    """The URL of a row by its name; None for a kind that has no such."""
    node = _OF_MODEL.get(type(row))
    if node is None or not url:
        return None
    return f"{url.rstrip('/').rpartition('/')[0]}/{OUTER.join(_written(node, row))}/"


def _written(node: Node, row: Any) -> Iterator[str]:
    yield INNER.join(_escaped(str(getattr(row, field))) for field in node.fields)
    for name, plural in node.parents:
        parent = getattr(row, name, None)
        if parent is None:
            yield ""
        else:
            yield from _written(NODES[plural], parent)


def _escaped(text: str) -> str:
    quoted = "".join(RESERVED.get(char, char) for char in text)
    return quoted.replace(INNER, PLUS)


def lookups(node: Node, name: str) -> dict[str, Any] | None:
    """What a name says of its row, as a filter; None where it is no name of such a row. An empty
    part says nothing: AWX finds the row then wherever it belongs."""
    parts = name.replace(PLUS, "%2B").split(OUTER)
    found: dict[str, Any] = {}
    left = _read(node, parts, "", found)
    return found if left is not None and not left else None


def _read(node: Node, parts: list[str], path: str, found: dict[str, Any]) -> list[str] | None:
    """The parts behind those of `node`; None where they do not fit."""
    if not parts:
        return None
    first, rest = parts[0], parts[1:]
    if not first:
        return rest
    values = first.split(INNER)
    if len(values) != len(node.fields):
        return None
    found.update({f"{path}{f}": unquote(v) for f, v in zip(node.fields, values, strict=True)})
    left: list[str] | None = rest
    for key, plural in node.parents:
        if left is None:
            return None
        left = _read(NODES[plural], left, f"{path}{key}__", found)
    return left


def id_of(resource: str, name: str) -> str:
    """The id that stands for a name in a URL; the name itself where it is none."""
    node = NODES[resource]
    if (name.isascii() and name.isdigit() and int(name)) or "\0" in unquote(name):
        return name if name.isdigit() else NOTHING
    wanted = lookups(node, name)
    if wanted:
        return _first(node, node.model._default_manager.filter(**wanted))
    if resource == "job_templates" and OUTER not in name:
        # As AWX's oldest clients ask: by the name alone.
        return _first(node, m.JobTemplate.objects.filter(name=unquote(name))) or name
    return name


def _first(node: Node, rows: QuerySet[Any]) -> str:
    """What belongs to nothing comes first, then the oldest."""
    order = [F(f"{key}_id").asc(nulls_first=True) for key, _ in node.parents[-1:]]
    found = rows.order_by(*order, "pk").values_list("pk", flat=True).first()
    return NOTHING if found is None else str(found)


def with_id(path: str) -> str:
    """A path of the API with the id for the name; any other as it is."""
    if not path.startswith(ROOT):
        return path
    resource, _, rest = path[len(ROOT) :].partition("/")
    if resource not in NODES:
        return path
    name, _, below = rest.partition("/")
    if not name or (name.isascii() and name.isdigit()):
        return path
    below = f"{below.rstrip('/')}/" if below.strip("/") else ""
    return f"{ROOT}{resource}/{id_of(resource, name)}/{below}"


class NamedUrls(MiddlewareMixin):
    def process_request(self, request: HttpRequest) -> None:
        path = with_id(request.path_info)
        if path != request.path_info:
            request.path = request.path.replace(request.path_info, path)
            request.path_info = path
