"""Organizations say which Galaxy servers their projects ask. Until now all asked the public one."""

from typing import Any

from django.db import migrations, models


def keep_the_public_one(apps: Any, schema_editor: Any) -> None:
    def rows(name: str) -> Any:
        return apps.get_model("resources", name).objects.using(schema_editor.connection.alias)

    kind = rows("CredentialType").filter(namespace="galaxy_api_token", managed=True).first()
    if kind is None:
        return  # a fresh installation: seeds.py makes it
    credential = rows("Credential").create(
        name="Ansible Galaxy", managed=True, credential_type=kind,
        inputs={"url": "https://galaxy.ansible.com/"},
    )  # fmt: skip
    for organization in rows("Organization").all():
        organization.galaxy_credentials.add(credential)


class Migration(migrations.Migration):
    dependencies = [("resources", "0022_event_steps")]

    operations = [
        migrations.AddField(
            model_name="organization",
            name="galaxy_credentials",
            field=models.ManyToManyField(
                blank=True,
                related_name="organization_galaxy_credentials",
                to="resources.credential",
            ),
        ),
        migrations.RunPython(keep_the_public_one, migrations.RunPython.noop),
    ]
