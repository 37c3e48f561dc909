"""/api/v2/ping/: open to everybody, read by load balancers and awxkit."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.headers import VERSION, node
from gantry.api.views import OpenView
from gantry.resources.instances import Instance, InstanceGroup
from gantry.resources.jobs import Installation


class Ping(OpenView):
    name = "Ping"

    def get(self, request: Request, **kwargs: Any) -> Response:
        installation = Installation.objects.order_by("pk").first()
        rows = list(Instance.objects.exclude(node_type="hop").order_by("hostname"))
        instances = [
            {
                "node": row.hostname,
                "node_type": row.node_type,
                "uuid": str(row.uuid),
                "heartbeat": row.last_seen,
                "capacity": row.capacity,
                "version": VERSION,
            }
            for row in rows
        ]
        groups = [
            {
                "name": group.name,
                "capacity": group.max_forks
                if group.is_container_group
                else sum(row.capacity for row in group.instances.all()),
                "instances": [row.hostname for row in group.instances.all()],
            }
            for group in InstanceGroup.objects.prefetch_related("instances")
        ]
        return Response(
            {
                "ha": len(instances) > 1,
                "version": VERSION,
                "active_node": node(),
                "install_uuid": str(installation.uuid) if installation else "",
                "instances": instances,
                "instance_groups": sorted(groups, key=lambda g: str(g["name"]).lower()),
            }
        )
