"""/api/v2/ping/: open to everybody, read by load balancers and awxkit."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.headers import VERSION, node
from gantry.api.views import OpenView
from gantry.base.config import settings
from gantry.resources.jobs import Controller, Installation


class Ping(OpenView):
    name = "Ping"

    def get(self, request: Request, **kwargs: Any) -> Response:
        installation = Installation.objects.order_by("pk").first()
        controllers = list(Controller.objects.order_by("hostname", "pid"))
        capacity = settings().capacity
        instances = [
            {
                "node": controller.hostname,
                "node_type": "hybrid",
                "uuid": str(controller.uuid),
                "heartbeat": controller.heartbeat,
                "capacity": capacity,
                "version": VERSION,
            }
            for controller in controllers
        ]
        group = {"capacity": capacity * len(instances), "instances": [i["node"] for i in instances]}
        return Response(
            {
                "ha": len(instances) > 1,
                "version": VERSION,
                "active_node": node(),
                "install_uuid": str(installation.uuid) if installation else "",
                "instances": instances,
                "instance_groups": [{"name": n, **group} for n in ("controlplane", "default")],
            }
        )
