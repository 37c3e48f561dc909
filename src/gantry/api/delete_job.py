"""DELETE of a job: its events go with it, since no database constraint joins them."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.busy import refuse_if_busy
from gantry.resources.models import JobEvent


class DeleteJob:
    """Mixed into the detail views of jobs."""

    def delete(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        job = self.get_object()  # type: ignore[attr-defined]
        refuse_if_busy(job)
        with transaction.atomic():
            # Both keys, so that PostgreSQL looks into one partition.
            JobEvent.objects.filter(job_id=job.pk, job_created=job.created).delete()
            job.delete()
        return Response(status=204)
