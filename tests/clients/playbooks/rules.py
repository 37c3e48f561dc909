"""Prints what the look-ups schedule_rrule and schedule_rruleset of awx.awx make, as JSON.

They are called by themselves: what they return is a string, which ansible-core since 2.18 no
longer takes from a look-up in a template, whoever answers the API.
"""

from __future__ import annotations

import json

from ansible.plugins.loader import init_plugin_loader, lookup_loader

init_plugin_loader()
one = lookup_loader.get("awx.awx.schedule_rrule")
many = lookup_loader.get("awx.awx.schedule_rruleset")
start = {"start_date": "2030-01-01 02:00:00", "timezone": "Europe/Berlin"}
print(
    json.dumps(
        {
            "nightly": one.run(["day"], **start),
            "third_tuesday": one.run(["month"], on_the="third tuesday", end_on="12", **start),
            "not_on_holidays": many.run(
                ["2030-01-01 02:00:00"],
                timezone="Europe/Berlin",
                rules=[
                    {"frequency": "day", "interval": 1},
                    {"frequency": "day", "interval": 1, "bymonth": "1", "bymonthday": "1",
                     "include": False},
                ],
            ),
        }
    )
)  # fmt: skip
