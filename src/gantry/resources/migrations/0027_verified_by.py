import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("resources", "0026_kept_job")]

    operations = [
        migrations.AddField(
            model_name="projectsnapshot",
            name="verified_by",
            field=models.ForeignKey(
                default=None, null=True, on_delete=django.db.models.deletion.SET_NULL,
                related_name="+", to="resources.credential",
            ),
        ),
    ]
