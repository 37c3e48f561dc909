import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import gantry.resources.actor


def owned():
    person = dict(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)
    return [
        ('description', models.TextField(blank=True, default='')),
        ('created', models.DateTimeField(auto_now_add=True)),
        ('modified', models.DateTimeField(auto_now=True)),
        ('created_by', models.ForeignKey(**person)),
        ('modified_by', models.ForeignKey(**person)),
    ]


def assignment(name, field, table, of):
    """The table of a relation, which was there before it had a model."""
    return migrations.CreateModel(
        name=name,
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('role', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='resources.role')),
            (field, models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=of)),
        ],
        options={'db_table': table, 'ordering': ['id'], 'abstract': False, 'unique_together': {('role', field)}},
    )


def given(name):
    return [
        migrations.AddField(name, 'created', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
        migrations.AddField(
            name, 'created_by',
            models.ForeignKey(default=gantry.resources.actor.actor_id, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
    ]


class Migration(migrations.Migration):

    dependencies = [
        ('resources', '0016_ad_hoc_commands'),
    ]

    operations = [
        migrations.CreateModel(
            name='RoleDefinition',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                *owned(),
                ('name', models.TextField(unique=True)),
                ('kind', models.CharField(max_length=64)),
                ('role_field', models.CharField(default='', editable=False, max_length=128)),
                ('permissions', models.JSONField(default=list)),
                ('managed', models.BooleanField(default=False, editable=False)),
            ],
            options={'verbose_name': 'role definition', 'ordering': ['id']},
        ),
        migrations.AlterField('role', 'role_field', models.CharField(max_length=128)),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                assignment('RoleUserAssignment', 'user', 'resources_role_members', settings.AUTH_USER_MODEL),
                assignment('RoleTeamAssignment', 'team', 'resources_role_teams', 'resources.team'),
                migrations.AlterField(
                    'role', 'members',
                    models.ManyToManyField(blank=True, related_name='roles', through='resources.RoleUserAssignment', through_fields=('role', 'user'), to=settings.AUTH_USER_MODEL),
                ),
                migrations.AlterField(
                    'role', 'teams',
                    models.ManyToManyField(blank=True, related_name='roles', through='resources.RoleTeamAssignment', to='resources.team'),
                ),
            ],
        ),
        *given('roleuserassignment'),
        *given('roleteamassignment'),
    ]
