
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('resources', '0015_inventory_sources'),
    ]

    operations = [
        migrations.CreateModel(
            name='AdHocCommand',
            fields=[
                ('unifiedjob_ptr', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, parent_link=True, primary_key=True, related_name='as_ad_hoc_command', serialize=False, to='resources.unifiedjob')),
                ('job_type', models.CharField(choices=[('run', 'Run'), ('check', 'Check')], default='run', max_length=64)),
                ('limit', models.TextField(blank=True, default='')),
                ('module_name', models.CharField(blank=True, default='', max_length=1024)),
                ('module_args', models.TextField(blank=True, default='')),
                ('forks', models.PositiveIntegerField(blank=True, default=0)),
                ('verbosity', models.PositiveIntegerField(blank=True, choices=[(0, '0 (Normal)'), (1, '1 (Verbose)'), (2, '2 (More Verbose)'), (3, '3 (Debug)'), (4, '4 (Connection Debug)'), (5, '5 (WinRM Debug)')], default=0)),
                ('extra_vars', models.TextField(blank=True, default='')),
                ('become_enabled', models.BooleanField(default=False)),
                ('diff_mode', models.BooleanField(default=False)),
                ('credential', models.ForeignKey(blank=True, default=None, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='ad_hoc_commands', to='resources.credential')),
                ('hosts', models.ManyToManyField(editable=False, related_name='ad_hoc_commands', to='resources.host')),
                ('inventory', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='ad_hoc_commands', to='resources.inventory')),
                ('inventory_snapshot', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='resources.inventorysnapshot')),
            ],
            options={
                'ordering': ['id'],
            },
            bases=('resources.unifiedjob',),
        ),
    ]
