from __future__ import annotations

from django.apps import AppConfig


class Resources(AppConfig):
    name = "gantry.resources"
    label = "resources"
    default = True

    def ready(self) -> None:
        from gantry.resources import activity_watch
        from gantry.resources.role_permissions import TYPES
        from gantry.resources.roles import kind_of, watch

        for model in self.get_models():
            if kind_of(model) is not None or model._meta.model_name in TYPES:
                watch(model)
        activity_watch.watch(self)
