"""Limits of organizations and templates, and the lines in which jobs wait (control/claim.py)."""

from __future__ import annotations

from django.db import migrations, models

CREATE = """
CREATE INDEX job_lines ON resources_unifiedjob
    (coalesce(organization_id, 0), (kind NOT IN ('project_update', 'inventory_update')), id)
 WHERE status = 'pending' AND NOT cancel_flag;
"""


class Migration(migrations.Migration):
    dependencies = [("resources", "0029_log_aggregator")]

    operations = [
        migrations.AddField(
            "organization", "max_concurrent_jobs", models.PositiveIntegerField(default=0)
        ),
        migrations.AddField("organization", "max_forks", models.PositiveIntegerField(default=0)),
        migrations.AddField(
            "jobtemplate", "max_concurrent_jobs", models.PositiveIntegerField(default=0)
        ),
        migrations.RunSQL(CREATE, "DROP INDEX job_lines"),
    ]
