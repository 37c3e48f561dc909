from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('resources', '0009_labels'),
    ]

    operations = [
        migrations.AddField(
            model_name='job',
            name='survey_passwords',
            field=models.JSONField(default=dict, editable=False),
        ),
        migrations.AddField(
            model_name='jobtemplate',
            name='survey_spec',
            field=models.JSONField(blank=True, default=dict),
        ),
    ]
