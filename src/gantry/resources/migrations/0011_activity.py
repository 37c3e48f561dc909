import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('resources', '0010_surveys'),
    ]

    operations = [
        migrations.CreateModel(
            name='ActivityStream',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('operation', models.CharField(choices=[('create', 'Entity Created'), ('update', 'Entity Updated'), ('delete', 'Entity Deleted'), ('associate', 'Entity Associated with another Entity'), ('disassociate', 'Entity was Disassociated with another Entity')], max_length=13)),
                ('timestamp', models.DateTimeField(auto_now_add=True, db_index=True)),
                ('changes', models.JSONField(default=dict)),
                ('deleted_actor', models.JSONField(null=True)),
                ('action_node', models.CharField(blank=True, default='', editable=False, help_text='The cluster node the activity took place on.', max_length=512)),
                ('object_relationship_type', models.TextField(blank=True, default='')),
                ('object1', models.TextField()),
                ('object1_id', models.BigIntegerField(null=True)),
                ('object2', models.TextField(blank=True, default='')),
                ('object2_id', models.BigIntegerField(null=True)),
                ('role_id', models.BigIntegerField(null=True)),
                ('setting', models.JSONField(blank=True, default=dict)),
                ('actor', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['id'],
                'indexes': [
                    models.Index(fields=['object1', 'object1_id'], name='activity_object1'),
                    models.Index(condition=models.Q(('object2_id__isnull', False)), fields=['object2', 'object2_id'], name='activity_object2'),
                ],
            },
        ),
    ]
