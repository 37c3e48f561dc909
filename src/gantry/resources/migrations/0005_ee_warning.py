from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('resources', '0004_environments'),
    ]

    operations = [
        migrations.AddField(
            model_name='unifiedjob',
            name='ee_warning',
            field=models.TextField(blank=True, default=''),
        ),
    ]
