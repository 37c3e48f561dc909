"""What AWX tells of its mesh, as one without links: nodes alone. And its nodes' install bundles."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.instances import InstanceSerializer, ReceptorAddressesList
from gantry.api.system_jobs import SuperusersOnly
from gantry.api.views import AwxView, NounView
from gantry.resources.models import Instance


class MeshVisualizer(SuperusersOnly, AwxView):
    name = "Mesh Visualizer"

    def get(self, request: Request, **kwargs: Any) -> Response:
        columns = ("id", "hostname", "node_type", "node_state", "enabled")
        nodes = Instance.objects.order_by("pk").values(*columns)
        return Response({"nodes": list(nodes), "links": []})


class ReceptorAddressDetail(ReceptorAddressesList):
    """There is none of any number."""

    name = "Receptor Address Detail"

    def get(self, request: Request, **kwargs: Any) -> Response:
        raise Http404("No ReceptorAddress matches the given query.")


class InstanceInstallBundle(SuperusersOnly, NounView):
    name = "Install Bundle"
    model = Instance

    serializer_class = InstanceSerializer

    def get(self, request: Request, **kwargs: Any) -> Response:
        """Installs receptor on nodes of a mesh, which none of Gantry's is."""
        self.get_object()
        sentence = "Install bundle can only be generated for execution or hop nodes."
        return Response({"msg": sentence}, 400)
