"""The controller's parts without pods: rows and several controllers' claims on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.journeys.conftest import ee_image, engine_url

__all__ = ["ee_image", "engine_url"]
Make = Callable[..., Any]


@pytest.fixture
def make_job(db: str) -> Make:
    """A pending job; `template` is a name, jobs of one name are of one template."""
    from gantry.resources.models import Job, JobTemplate

    def make(template: str = "", **fields: Any) -> Any:
        row = None
        if template:
            row, _ = JobTemplate.objects.get_or_create(kind="job_template", name=template)
        values = {"kind": "job", "name": template or "alone", "status": "pending"}
        return Job.objects.create(**(values | fields), job_template=row, unified_job_template=row)

    return make


@pytest.fixture
def holder(db: str) -> Any:
    from gantry.control.claim import Holder

    return Holder.here(lease=30)
