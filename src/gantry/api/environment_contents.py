"""Below /api/v2/execution_environments/N/: contents, sbom and diff of the digests it meant.

Gantry's own. Whoever may see an EE may see what is in its digests; to have one looked into needs to
change the EE.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.views import NounView, body_of
from gantry.base.errors import InvalidInput
from gantry.images import sbom
from gantry.images.diff import diff
from gantry.images.inspect.contents import KINDS, Contents
from gantry.images.inspect.known import ask, contents_of, digest_of, meant
from gantry.resources import access
from gantry.resources.images import ImageContents
from gantry.resources.models import ExecutionEnvironment

FIELDS = [f.name for f in dataclasses.fields(Contents)]


class AskSerializer(serializers.Serializer[Any]):
    """Names what POST takes, for OPTIONS. `again`: although it is known."""

    digest = serializers.CharField(required=False, write_only=True)
    again = serializers.BooleanField(required=False, write_only=True)


class DigestView(NounView):
    """Base: one EE, and a digest that it means or meant."""

    model = ExecutionEnvironment
    serializer_class: Any = AskSerializer

    def get_queryset(self) -> QuerySet[Any]:
        return ExecutionEnvironment.objects.all()

    def check_object_permissions(self, request: Request, obj: Any) -> None:
        verb = "read" if request.method in ("GET", "HEAD", "OPTIONS") else "change"
        if not access.may(request.user, verb, obj):
            raise PermissionDenied

    def digest(self, row: ExecutionEnvironment, wanted: Any) -> str:
        """The one that was asked for, else what the EE's next job runs; "" for none."""
        if not wanted:
            return digest_of(row)
        if not isinstance(wanted, str) or not meant(row, wanted):
            raise NotFound(f"{row.name} never meant {wanted}.")
        return wanted

    def inspected(self, row: ExecutionEnvironment, wanted: Any) -> ImageContents:
        """What is known of the digest. Raises InvalidInput while that is not all."""
        digest = self.digest(row, wanted)
        if not digest:
            raise InvalidInput(
                f"No digest of {row.name} is known yet.",
                cure="Run a job in it, or have its registry asked (POST …/check/).",
            )
        known = contents_of(digest)
        if known is None or known.state != "inspected":
            if known is not None and known.state in ("pending", "running"):
                raise InvalidInput(
                    f"{digest} of {row.name} is being looked into.",
                    cure="Ask again in a moment: GET …/contents/ tells its state.",
                )
            why = f" {known.error}" if known and known.error else ""
            raise InvalidInput(
                f"What is in {digest} of {row.name} is not known yet.{why}",
                cure="Have it looked into: POST …/contents/ with this digest.",
            )
        return known


def shown(known: ImageContents | None, digest: str) -> dict[str, Any]:
    """The row without packages, and how many it has of each kind. `state` is `unknown` when nobody
    has asked yet."""
    row = known or ImageContents(digest=digest, state="unknown")
    body = {name: getattr(row, name) for name in ("state", "requested", "inspected", *FIELDS)}
    counts = dict.fromkeys(KINDS, 0)
    for package in body.pop("packages"):
        counts[package["kind"]] += 1
    return {**body, "counts": counts}


class EnvironmentContents(DigestView):
    """GET ?digest= ?kind= ?search=: the packages whose name has the words. POST looks inside."""

    def get(self, request: Request, **kwargs: Any) -> Response:
        row, query = self.get_object(), request.query_params
        kind, words = query.get("kind", ""), query.get("search", "").strip().lower()
        if kind and kind not in KINDS:
            raise InvalidInput(f"kind is one of {', '.join(KINDS)}.", field="kind")
        digest = self.digest(row, query.get("digest"))
        known = contents_of(digest)
        packages = [
            package
            for package in (known.packages if known else ())
            if (not kind or package["kind"] == kind) and words in package["name"].lower()
        ]
        return Response({**shown(known, digest), "packages": packages})

    def post(self, request: Request, **kwargs: Any) -> Response:
        row, body = self.get_object(), body_of(request)
        digest = self.digest(row, body.get("digest"))
        if not digest:
            raise InvalidInput(
                f"No digest of {row.name} is known yet.",
                cure="Run a job in it, or have its registry asked (POST …/check/).",
            )
        return Response(shown(ask(row, digest, again=body.get("again") is True), digest), 202)


class EnvironmentSbom(DigestView):
    """GET ?digest=: the software bill of materials, CycloneDX 1.6."""

    def get(self, request: Request, **kwargs: Any) -> HttpResponse:
        row = self.get_object()
        known = self.inspected(row, request.query_params.get("digest"))
        text = sbom.cyclonedx(known, known.inspected)
        name = f"sbom-{row.pk}-{known.digest.partition(':')[2][:12]}.cdx.json"
        return HttpResponse(
            text, content_type=sbom.MEDIA_TYPE,
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )  # fmt: skip


class EnvironmentDiff(DigestView):
    """GET ?from= &to=: digests of this EE, each by default what its next job runs; or ?with= the
    id of another EE, to which the difference is told."""

    def get(self, request: Request, **kwargs: Any) -> Response:
        row, query = self.get_object(), request.query_params
        other = self._other(query["with"]) if "with" in query else row
        if other == row and not (query.get("from") or query.get("to")):
            raise InvalidInput(
                "Two digests differ, or two environments.",
                cure="Give ?from= and ?to=, or ?with= the id of another execution environment.",
            )
        old = self.inspected(row, query.get("from"))
        new = self.inspected(other, query.get("to"))
        return Response({
            "from": _side(row, old), "to": _side(other, new), **diff(old, new).as_dict(),
        })  # fmt: skip

    def _other(self, wanted: str) -> ExecutionEnvironment:
        number = int(wanted) if wanted.isdecimal() and len(wanted) < 10 else 0
        other = ExecutionEnvironment.objects.filter(pk=number).first()
        if other is None:
            raise NotFound(f"There is no execution environment {wanted}.")
        self.check_object_permissions(self.request, other)
        return other


def _side(row: ExecutionEnvironment, known: ImageContents) -> dict[str, Any]:
    return {
        "execution_environment": row.pk, "name": row.name, "digest": known.digest,
        "platform": known.platform, "reference": known.reference,
    }  # fmt: skip
