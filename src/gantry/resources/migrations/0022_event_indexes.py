"""Small indexes over the few events by which a job's page finds its way: headings, what failed,
what changed. An event's id begins with its job's (events.event_id), so it alone is the key."""

from __future__ import annotations

from django.db import migrations

# record.headings asks in these very words: PostgreSQL takes a partial index only where it can
# prove that the question lies within it.
CREATE = """
CREATE INDEX jobevent_heading ON resources_jobevent (id) WHERE event IN
    ('playbook_on_play_start', 'playbook_on_task_start', 'playbook_on_stats');
CREATE INDEX jobevent_failed ON resources_jobevent (id) WHERE failed;
CREATE INDEX jobevent_changed ON resources_jobevent (id) WHERE changed;
"""
DROP = "DROP INDEX jobevent_heading; DROP INDEX jobevent_failed; DROP INDEX jobevent_changed"


class Migration(migrations.Migration):
    dependencies = [("resources", "0021_notification_once")]

    operations = [migrations.RunSQL(CREATE, DROP)]
