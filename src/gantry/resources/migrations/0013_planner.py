"""What Gantry's queries want of the planner, kept with its role and so true behind a pooler too.

A job's row joins 14 tables; at PostgreSQL's own limit of 8 planning takes 23 ms and running 0.5.
Compiling short queries (jit) costs more than it ever gains.
"""

from __future__ import annotations

from django.db import migrations

SET = """
DO $$ BEGIN
    EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I SET join_collapse_limit = 4',
                   current_database());
    EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I SET jit = off', current_database());
END $$
"""
RESET = """
DO $$ BEGIN
    EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I RESET join_collapse_limit',
                   current_database());
    EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I RESET jit', current_database());
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("resources", "0012_instances")]

    operations = [migrations.RunSQL(SET, RESET)]
