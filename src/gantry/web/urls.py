"""The map of the pages. Mounted at / by gantry.cli.urls."""

from __future__ import annotations

from django.urls import path

from gantry.web import live
from gantry.web.views import (
    credentials,
    dashboard,
    environments,
    inventories,
    jobs,
    login,
    organizations,
    output,
    projects,
    templates,
)

urlpatterns = [
    path("", dashboard.dashboard, name="dashboard"),
    path("login/", login.log_in, name="login"),
    path("logout/", login.log_out, name="logout"),
    path("jobs/", jobs.listing, name="jobs"),
    path("jobs/<int:pk>/", jobs.detail, name="job"),
    path("jobs/<int:pk>/panels/", jobs.panels, name="job-panels"),
    path("jobs/<int:pk>/lines/", output.lines, name="job-lines"),
    path("jobs/<int:pk>/output.txt", output.text, name="job-text"),
    path("jobs/<int:pk>/events", live.job_events, name="job-events"),
    path("jobs/<int:pk>/cancel/", jobs.cancel, name="job-cancel"),
    path("jobs/<int:pk>/relaunch/", jobs.relaunch, name="job-relaunch"),
    path("templates/", templates.listing, name="templates"),
    path("templates/add/", templates.edit, name="template-add"),
    path("templates/<int:pk>/", templates.detail, name="template"),
    path("templates/<int:pk>/edit/", templates.edit, name="template-edit"),
    path("templates/<int:pk>/launch/", templates.launch, name="template-launch"),
    path("projects/", projects.listing, name="projects"),
    path("projects/add/", projects.edit, name="project-add"),
    path("projects/<int:pk>/", projects.detail, name="project"),
    path("projects/<int:pk>/edit/", projects.edit, name="project-edit"),
    path("projects/<int:pk>/sync/", projects.sync, name="project-sync"),
    path("environments/", environments.listing, name="environments"),
    path("environments/add/", environments.edit, name="environment-add"),
    path("environments/<int:pk>/", environments.detail, name="environment"),
    path("environments/<int:pk>/edit/", environments.edit, name="environment-edit"),
    path("inventories/", inventories.listing, name="inventories"),
    path("inventories/<int:pk>/", inventories.detail, name="inventory"),
    path("credentials/", credentials.listing, name="credentials"),
    path("credentials/add/", credentials.choose, name="credential-add"),
    path("credentials/add/<int:kind>/", credentials.add, name="credential-add-kind"),
    path("credentials/<int:pk>/", credentials.detail, name="credential"),
    path("credentials/<int:pk>/edit/", credentials.edit, name="credential-edit"),
    path("organizations/", organizations.listing, name="organizations"),
    path("organizations/<int:pk>/", organizations.detail, name="organization"),
]
