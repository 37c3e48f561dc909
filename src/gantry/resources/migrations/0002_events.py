"""The event table: partitioned by month, two indexes a partition, NOTIFY left to the writer."""

from __future__ import annotations

from django.db import migrations, models

CREATE = """
CREATE TABLE resources_jobevent (
    id bigint NOT NULL,
    job_id bigint NOT NULL,
    job_created timestamptz NOT NULL,
    counter integer NOT NULL,
    event varchar(100) NOT NULL,
    event_data text NOT NULL,
    created timestamptz NOT NULL,
    uuid varchar(64) NOT NULL,
    parent_uuid varchar(64) NOT NULL,
    failed boolean NOT NULL,
    changed boolean NOT NULL,
    event_level smallint NOT NULL,
    host_name varchar(1024) NOT NULL,
    host_id bigint,
    playbook varchar(1024) NOT NULL,
    play varchar(1024) NOT NULL,
    task varchar(1024) NOT NULL,
    role varchar(1024) NOT NULL,
    stdout text NOT NULL,
    start_line integer NOT NULL,
    end_line integer NOT NULL,
    verbosity smallint NOT NULL,
    PRIMARY KEY (id, job_created)
) PARTITION BY RANGE (job_created);
CREATE INDEX jobevent_line ON resources_jobevent (job_id, start_line);
CREATE TABLE resources_jobevent_default PARTITION OF resources_jobevent DEFAULT;
"""


class Migration(migrations.Migration):
    dependencies = [("resources", "0001_initial")]

    operations = [
        migrations.RunSQL(CREATE, "DROP TABLE resources_jobevent"),
    ]
