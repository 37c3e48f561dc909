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
    db = schema_editor.connection.alias
    Role = apps.get_model('resources', 'Role')
    for kind, names in KINDS.items():
        rows = apps.get_model('resources', kind).objects.using(db)
        ids = rows.order_by('pk').values_list('pk', flat=True)
        Role.objects.using(db).bulk_create(
            [Role(kind=kind, object_id=pk, role_field=f'{name}_role') for pk in ids for name in names],
            batch_size=5000,
        )
    for role, through in _people(apps):
        pairs = through.objects.using(db).values_list('organization_id', 'user_id')
        _add(Role, db, 'organization', role, pairs)
    owned = apps.get_model('resources', 'Credential').objects.using(db).filter(owner__isnull=False)
    _add(Role, db, 'credential', 'admin_role', owned.values_list('pk', 'owner_id'))
    _settle(schema_editor)


def _people(apps):
    Organization = apps.get_model('resources', 'Organization')
    return ('member_role', Organization.users.through), ('admin_role', Organization.admins.through)


def _add(Role, db, kind, role, pairs):
    roles = Role.objects.using(db).filter(kind=kind, role_field=role)
    ids = dict(roles.values_list('object_id', 'pk'))
    Member = Role.members.through
    Member.objects.using(db).bulk_create(
        [Member(role_id=ids[pk], user_id=user) for pk, user in pairs], batch_size=5000
    )


def take(apps, schema_editor):
    db = schema_editor.connection.alias
    roles = apps.get_model('resources', 'Role').objects.using(db).filter(kind='organization')
    for role, through in _people(apps):
        held = roles.filter(role_field=role, members__isnull=False)
        through.objects.using(db).bulk_create(
            through(organization_id=pk, user_id=user)
            for pk, user in held.values_list('object_id', 'members')
        )
    _settle(schema_editor)


def _settle(schema_editor):
    """What was inserted is checked now: a table with checks to come cannot be altered."""
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
