from __future__ import annotations

from django.apps import AppConfig


class Resources(AppConfig):
    name = "gantry.resources"
    label = "resources"
    default = True
