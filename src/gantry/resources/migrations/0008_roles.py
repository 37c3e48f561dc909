"""Teams and roles. Who belonged to an organization becomes who holds its member and admin roles;
the owner of a private credential becomes its administrator."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

_ORGANIZATION = (
    'admin', 'execute', 'project_admin', 'inventory_admin', 'credential_admin', 'workflow_admin',
    'notification_admin', 'job_template_admin', 'execution_environment_admin', 'auditor', 'member',
    'read', 'approval',
)
# As it was when this migration was written.
KINDS = {
    'organization': _ORGANIZATION,
    'project': ('admin', 'use', 'update', 'read'),
    'inventory': ('admin', 'update', 'adhoc', 'use', 'read'),
    'credential': ('admin', 'use', 'read'),
    'jobtemplate': ('admin', 'execute', 'read'),
}


def give(apps, schema_editor):
    Role = apps.get_model('resources', 'Role')
    for kind, names in KINDS.items():
        ids = apps.get_model('resources', kind).objects.order_by('pk').values_list('pk', flat=True)
        Role.objects.bulk_create(
            [Role(kind=kind, object_id=pk, role_field=f'{name}_role') for pk in ids for name in names],
            batch_size=5000,
        )
    Organization = apps.get_model('resources', 'Organization')
    for role, people in (('member_role', 'users'), ('admin_role', 'admins')):
        through = getattr(Organization, people).through.objects
        pairs = through.values_list('organization_id', 'user_id')
        _add(Role, 'organization', role, pairs)
    owned = apps.get_model('resources', 'Credential').objects.filter(owner__isnull=False)
    _add(Role, 'credential', 'admin_role', owned.values_list('pk', 'owner_id'))
    # What was inserted is checked now: a table with checks to come cannot be altered.
    schema_editor.execute('SET CONSTRAINTS ALL IMMEDIATE')
    schema_editor.execute('SET CONSTRAINTS ALL DEFERRED')


def _add(Role, kind, role, pairs):
    roles = dict(Role.objects.filter(kind=kind, role_field=role).values_list('object_id', 'pk'))
    Member = Role.members.through
    Member.objects.bulk_create(
        [Member(role_id=roles[pk], user_id=user) for pk, user in pairs], batch_size=5000
    )


def take(apps, schema_editor):
    Role = apps.get_model('resources', 'Role')
    Organization = apps.get_model('resources', 'Organization')
    for role, people in (('member_role', 'users'), ('admin_role', 'admins')):
        held = Role.objects.filter(kind='organization', role_field=role, members__isnull=False)
        for pk, user in held.values_list('object_id', 'members'):
            getattr(Organization.objects.get(pk=pk), people).add(user)
    schema_editor.execute('SET CONSTRAINTS ALL IMMEDIATE')
    schema_editor.execute('SET CONSTRAINTS ALL DEFERRED')


class Migration(migrations.Migration):

    dependencies = [
        ('resources', '0007_tokens'),
    ]

    operations = [
        migrations.CreateModel(
            name='Team',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('description', models.TextField(blank=True, default='')),
                ('created', models.DateTimeField(auto_now_add=True)),
                ('modified', models.DateTimeField(auto_now=True)),
                ('name', models.CharField(max_length=512)),
                ('created_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('modified_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='teams', to='resources.organization')),
            ],
            options={
                'ordering': ['organization__name', 'name'],
            },
        ),
        migrations.CreateModel(
            name='Role',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(blank=True, default='', max_length=32)),
                ('object_id', models.PositiveBigIntegerField(default=None, null=True)),
                ('role_field', models.CharField(max_length=64)),
                ('members', models.ManyToManyField(blank=True, related_name='roles', to=settings.AUTH_USER_MODEL)),
                ('teams', models.ManyToManyField(blank=True, related_name='roles', to='resources.team')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.AddConstraint(
            model_name='team',
            constraint=models.UniqueConstraint(fields=('organization', 'name'), name='team_name'),
        ),
        migrations.AddConstraint(
            model_name='role',
            constraint=models.UniqueConstraint(fields=('kind', 'object_id', 'role_field'), name='role_of_object', nulls_distinct=False),
        ),
        migrations.RunPython(give, take),
        migrations.RemoveField(
            model_name='organization',
            name='admins',
        ),
        migrations.RemoveField(
            model_name='organization',
            name='users',
        ),
    ]
