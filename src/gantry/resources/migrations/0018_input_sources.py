
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('resources', '0017_role_definitions'),
    ]

    operations = [
        migrations.CreateModel(
            name='CredentialInputSource',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('description', models.TextField(blank=True, default='')),
                ('created', models.DateTimeField(auto_now_add=True)),
                ('modified', models.DateTimeField(auto_now=True)),
                ('input_field_name', models.CharField(max_length=1024)),
                ('metadata', models.JSONField(blank=True, default=dict)),
                ('created_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('modified_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('source_credential', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='target_input_sources', to='resources.credential')),
                ('target_credential', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='input_sources', to='resources.credential')),
            ],
            options={
                'ordering': ['target_credential', 'source_credential', 'input_field_name'],
                'constraints': [models.UniqueConstraint(fields=('target_credential', 'input_field_name'), name='input_source_field')],
            },
        ),
    ]
