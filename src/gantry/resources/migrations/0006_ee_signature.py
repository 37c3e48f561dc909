from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('resources', '0005_ee_warning'),
    ]

    operations = [
        migrations.AddField(
            model_name='unifiedjob',
            name='ee_signature',
            field=models.JSONField(null=True),
        ),
        migrations.AddIndex(
            model_name='unifiedjob',
            index=models.Index(fields=['ee_digest'], name='job_digest'),
        ),
    ]
