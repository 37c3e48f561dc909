"""Plays and tasks of a job are found without reading its million results."""

from django.db import migrations

FORWARDS = """
CREATE INDEX jobevent_step ON resources_jobevent (job_id, id)
 WHERE event IN ('playbook_on_start', 'playbook_on_play_start', 'playbook_on_task_start',
                 'playbook_on_handler_task_start', 'playbook_on_stats')
"""


class Migration(migrations.Migration):
    dependencies = [("resources", "0021_notification_once")]

    operations = [migrations.RunSQL(FORWARDS, "DROP INDEX jobevent_step")]
