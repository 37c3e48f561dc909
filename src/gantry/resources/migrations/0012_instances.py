"""Instances and their groups. What was a controller becomes the seat of one; the groups that every
installation has are seeded."""

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import uuid
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('resources', '0011_activity'),
    ]

    operations = [
        migrations.CreateModel(
            name='Instance',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4)),
                ('hostname', models.CharField(max_length=250, unique=True)),
                ('ip_address', models.CharField(blank=True, default='', max_length=50)),
                ('created', models.DateTimeField(auto_now_add=True)),
                ('modified', models.DateTimeField(auto_now=True)),
                ('version', models.CharField(blank=True, default='', max_length=120)),
                ('cpu', models.DecimalField(decimal_places=1, default=Decimal('0'), editable=False, max_digits=5)),
                ('memory', models.BigIntegerField(default=0, editable=False)),
                ('errors', models.TextField(blank=True, default='', editable=False)),
                ('last_seen', models.DateTimeField(editable=False, null=True)),
                ('health_check_started', models.DateTimeField(editable=False, null=True)),
                ('last_health_check', models.DateTimeField(editable=False, null=True)),
                ('capacity', models.PositiveIntegerField(default=0, editable=False)),
                ('capacity_adjustment', models.DecimalField(decimal_places=2, default=Decimal('1.00'), max_digits=3, validators=[django.core.validators.MinValueValidator(0)])),
                ('enabled', models.BooleanField(default=True)),
                ('managed_by_policy', models.BooleanField(default=True)),
                ('cpu_capacity', models.IntegerField(default=0, editable=False)),
                ('mem_capacity', models.IntegerField(default=0, editable=False)),
                ('node_type', models.CharField(choices=[('control', 'Control plane node'), ('execution', 'Execution plane node'), ('hybrid', 'Controller and execution'), ('hop', 'Message-passing node, no execution capability')], default='hybrid', max_length=16)),
                ('node_state', models.CharField(choices=[('provisioning', 'Provisioning'), ('provision-fail', 'Provisioning Failure'), ('installed', 'Installed'), ('ready', 'Ready'), ('unavailable', 'Unavailable'), ('deprovisioning', 'De-provisioning'), ('deprovision-fail', 'De-provisioning Failure')], default='ready', max_length=16)),
                ('managed', models.BooleanField(default=True, editable=False)),
                ('holder', models.UUIDField(editable=False, null=True, unique=True)),
                ('machine', models.CharField(blank=True, default='', editable=False, max_length=240)),
                ('pid', models.IntegerField(default=0, editable=False)),
                ('most_jobs', models.PositiveIntegerField(default=0, editable=False)),
            ],
            options={
                'ordering': ['hostname'],
            },
        ),
        migrations.CreateModel(
            name='InstanceGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=250, unique=True)),
                ('created', models.DateTimeField(auto_now_add=True)),
                ('modified', models.DateTimeField(auto_now=True)),
                ('is_container_group', models.BooleanField(default=False)),
                ('pod_spec_override', models.TextField(blank=True, default='')),
                ('max_concurrent_jobs', models.PositiveIntegerField(default=0)),
                ('max_forks', models.PositiveIntegerField(default=0)),
                ('policy_instance_percentage', models.PositiveIntegerField(default=0)),
                ('policy_instance_minimum', models.PositiveIntegerField(default=0)),
                ('policy_instance_list', models.JSONField(blank=True, default=list)),
                ('credential', models.ForeignKey(blank=True, default=None, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='instancegroups', to='resources.credential')),
                ('instances', models.ManyToManyField(editable=False, related_name='rampart_groups', to='resources.instance')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.DeleteModel(
            name='Controller',
        ),
        migrations.AddField(
            model_name='unifiedjob',
            name='preferred_groups',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), blank=True, default=list, size=None),
        ),
        migrations.AddField(
            model_name='unifiedjob',
            name='prompted_groups',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='unifiedjob',
            name='task_impact',
            field=models.PositiveIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name='environmentdefinition',
            name='instance_group',
            field=models.ForeignKey(blank=True, default=None, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='resources.instancegroup'),
        ),
        migrations.AddField(
            model_name='inventory',
            name='instance_groups',
            field=models.ManyToManyField(blank=True, related_name='+', to='resources.instancegroup'),
        ),
        migrations.AddField(
            model_name='organization',
            name='instance_groups',
            field=models.ManyToManyField(blank=True, related_name='+', to='resources.instancegroup'),
        ),
        migrations.AddField(
            model_name='unifiedjob',
            name='instance_group',
            field=models.ForeignKey(blank=True, default=None, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='resources.instancegroup'),
        ),
        migrations.AddField(
            model_name='unifiedjobtemplate',
            name='instance_groups',
            field=models.ManyToManyField(blank=True, related_name='+', to='resources.instancegroup'),
        ),
        migrations.AddIndex(
            model_name='unifiedjob',
            index=models.Index(fields=['execution_node'], name='job_node'),
        ),
    ]

