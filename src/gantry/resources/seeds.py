"""What a fresh installation holds, as AWX seeds it. `gantry migrate` and tests call `seed`.

Running it again changes nothing but what follows from the settings: the control plane's image and
the built-in credential types are brought up to date, names and rows of people are left alone.
"""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass

from django.db import connection, transaction
from django.utils import timezone

from gantry.base.config import settings
from gantry.resources.actor import silently
from gantry.resources.credential_types import MANAGED
from gantry.resources.credentials import Credential, CredentialType
from gantry.resources.environments import ExecutionEnvironment
from gantry.resources.instances import BUILT_IN, InstanceGroup
from gantry.resources.jobs import Installation
from gantry.resources.organizations import Organization, User
from gantry.resources.policies import apply_policies
from gantry.resources.role_definitions import seed_definitions
from gantry.resources.role_names import SYSTEM
from gantry.resources.roles import system_role
from gantry.resources.schedules import Schedule
from gantry.resources.system_jobs import IMAGES, SystemJobTemplate

CONTROL_PLANE = "Control Plane Execution Environment"
LATEST = "AWX EE (latest)"
PINNED = "AWX EE (24.6.1)"
PINNED_IMAGE = "quay.io/ansible/awx-ee:24.6.1"
PUBLIC_GALAXY, PUBLIC_GALAXY_URL = "Ansible Galaxy", "https://galaxy.ansible.com/"
_LOCK = 0x47414E54  # "GANT": two processes that start at once seed one after the other


@dataclass(frozen=True)
class Seeded:
    """`admin_password` is set only when this run made the administrator with a random one."""

    installation: Installation
    admin_created: bool
    admin_password: str = ""


@silently()
@transaction.atomic
def seed() -> Seeded:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    installation, first = Installation.objects.order_by("pk").first(), False
    if installation is None:
        # A first start only: a deleted "Default" or EE stays deleted.
        installation = Installation.objects.create(uuid=uuid.uuid4())
        _first_organization_and_environments()
        first = True
    for name in SYSTEM:
        system_role(name)
    seed_definitions()
    _control_plane_environment()
    _instance_groups()
    _system_jobs()
    _credential_types()
    if first:
        _public_galaxy()
    created, password = _first_admin()
    return Seeded(installation, created, password)


def _first_organization_and_environments() -> None:
    if not Organization.objects.exists():
        Organization.objects.create(
            name="Default", description="The default organization for Gantry."
        )
    # AWX lists the newest first; the last one made is at the top, and the one a job falls back to.
    for name, image in ((PINNED, PINNED_IMAGE), (LATEST, settings().global_image)):
        ExecutionEnvironment.objects.get_or_create(name=name, defaults={"image": image})


def _control_plane_environment() -> None:
    image = settings().control_plane_image
    row, created = ExecutionEnvironment.objects.get_or_create(
        name=CONTROL_PLANE, defaults={"image": image, "managed": True}
    )
    if not created and (row.image != image or not row.managed):
        row.image, row.managed = image, True
        row.save(update_fields=["image", "managed", "modified"])


def _instance_groups() -> None:
    """All instances belong to both."""
    for name in BUILT_IN:
        InstanceGroup.objects.get_or_create(name=name, defaults={"policy_instance_percentage": 100})
    apply_policies()


# Type, name and description of the template; name, description, rule and variables of its schedule.
_SYSTEM_JOBS: tuple[tuple[str, str, str, str, str, str, dict[str, str]], ...] = (
    ("cleanup_jobs", "Cleanup Job Details", "Remove job history",
     "Cleanup Job Schedule", "Automatically Generated Schedule", "FREQ=WEEKLY;INTERVAL=1;BYDAY=SU",
     {"days": "120"}),
    ("cleanup_activitystream", "Cleanup Activity Stream", "Remove activity stream history",
     "Cleanup Activity Schedule", "Automatically Generated Schedule",
     "FREQ=WEEKLY;INTERVAL=1;BYDAY=TU", {"days": "355"}),
    ("cleanup_sessions", "Cleanup Expired Sessions", "Cleans out expired browser sessions",
     "Cleanup Expired Sessions", "Cleans out expired browser sessions", "FREQ=WEEKLY;INTERVAL=1",
     {}),
    ("cleanup_tokens", "Cleanup Expired OAuth 2 Tokens",
     "Cleanup expired OAuth 2 access and refresh tokens", "Cleanup Expired OAuth 2 Tokens",
     "Removes expired OAuth 2 access and refresh tokens", "FREQ=WEEKLY;INTERVAL=1", {}),
    # Gantry's own. Without a schedule: images go by themselves only where somebody says so.
    (IMAGES, "Cleanup Execution Environment Images",
     "Remove images of this installation that nothing has used", "", "", "", {}),
)  # fmt: skip


def _system_jobs() -> None:
    """As AWX seeds them. A schedule comes with its template only: a deleted one stays deleted."""
    start = timezone.now().strftime("DTSTART:%Y%m%dT%H%M%SZ")
    for kind, name, description, title, about, rule, data in _SYSTEM_JOBS:
        template, made = SystemJobTemplate.objects.get_or_create(
            job_type=kind,
            defaults={"kind": "system_job_template", "name": name, "description": description},
        )
        if made and rule:
            Schedule.objects.create(
                unified_job_template=template, name=title, description=about,
                rrule=f"{start} RRULE:{rule}", extra_data=data,
            )  # fmt: skip


def _credential_types() -> None:
    own = set(CredentialType.objects.filter(managed=False).values_list("name", "kind"))
    for kind in MANAGED:
        # Somebody may have made a type of that name before Gantry had one.
        free = (kind.name, kind.kind) not in own
        wanted = {
            "name": kind.name if free else f"{kind.name} (built-in)",
            "kind": kind.kind,
            "inputs": dict(kind.inputs),
            "injectors": dict(kind.injectors),
        }
        row, created = CredentialType.objects.get_or_create(
            namespace=kind.namespace, managed=True, defaults=wanted
        )
        changed = {k for k, v in wanted.items() if getattr(row, k) != v}
        if not created and changed:
            for key in changed:
                setattr(row, key, wanted[key])
            row.save(update_fields=[*changed, "modified"])


def _public_galaxy() -> None:
    """Where the first organizations' projects have their roles and collections from, as in AWX:
    a new organization asks no server before somebody gives it one."""
    credential = Credential.objects.create(
        name=PUBLIC_GALAXY, managed=True, inputs={"url": PUBLIC_GALAXY_URL},
        credential_type=CredentialType.objects.get(namespace="galaxy_api_token", managed=True),
    )  # fmt: skip
    for organization in Organization.objects.all():
        organization.galaxy_credentials.add(credential)


def _first_admin() -> tuple[bool, str]:
    if User.objects.filter(is_superuser=True).exists():
        return False, ""
    given = settings().admin_password
    password = given or secrets.token_urlsafe(15)
    user, created = User.objects.get_or_create(username=settings().admin_user)
    if not created:
        return False, ""  # a person took the name away from the administrator on purpose
    user.is_superuser = user.is_staff = True
    user.set_password(password)
    user.save()
    return True, "" if given else password
