"""Small indexes over the events by which a job's page finds its way: what failed, what changed.
An event's id begins with its job's (events.event_id), so it alone is the key."""

from __future__ import annotations

from django.db import migrations

CREATE = """
CREATE INDEX jobevent_failed ON resources_jobevent (id) WHERE failed;
CREATE INDEX jobevent_changed ON resources_jobevent (id) WHERE changed;
"""
DROP = "DROP INDEX jobevent_failed; DROP INDEX jobevent_changed"


class Migration(migrations.Migration):
    dependencies = [("resources", "0023_galaxy_credentials")]

    operations = [migrations.RunSQL(CREATE, DROP)]
