import django.db.models.deletion
import interconnect.domain.findings
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('interconnect', '0009_plain_labels'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ChecksObservation',
            fields=[
                ('mesh', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='checks', serialize=False, to='interconnect.mesh', verbose_name='mesh')),
                ('at', models.DateTimeField(verbose_name='checked at')),
                ('result', models.JSONField(default=dict, verbose_name='result')),
            ],
            options={
                'verbose_name': 'result of checks',
                'verbose_name_plural': 'results of checks',
            },
        ),
        migrations.RemoveField(
            model_name='clusterobservation',
            name='findings',
        ),
        migrations.RemoveField(
            model_name='meshobservation',
            name='findings',
        ),
        migrations.AddField(
            model_name='clusterobservation',
            name='details',
            field=models.JSONField(default=dict, verbose_name='details'),
        ),
        migrations.AddField(
            model_name='clusterobservation',
            name='details_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='details observed at'),
        ),
        migrations.AddField(
            model_name='clusterobservation',
            name='lease_owner',
            field=models.CharField(blank=True, max_length=64, verbose_name='lease owner'),
        ),
        migrations.AddField(
            model_name='clusterobservation',
            name='lease_until',
            field=models.DateTimeField(blank=True, null=True, verbose_name='lease until'),
        ),
        migrations.AddField(
            model_name='clusterobservation',
            name='standing',
            field=models.JSONField(default=dict, verbose_name='whether it answers'),
        ),
        migrations.AddField(
            model_name='gatewayobservation',
            name='standing',
            field=models.JSONField(default=dict, verbose_name='readiness'),
        ),
        migrations.AddField(
            model_name='meshobservation',
            name='answered_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='last contact'),
        ),
        migrations.AddField(
            model_name='meshobservation',
            name='error_code',
            field=models.CharField(blank=True, max_length=64, verbose_name='error'),
        ),
        migrations.AddField(
            model_name='meshobservation',
            name='error_params',
            field=models.JSONField(default=dict, verbose_name="error's parameters"),
        ),
        migrations.AddField(
            model_name='meshobservation',
            name='lease_owner',
            field=models.CharField(blank=True, max_length=64, verbose_name='lease owner'),
        ),
        migrations.AddField(
            model_name='meshobservation',
            name='lease_until',
            field=models.DateTimeField(blank=True, null=True, verbose_name='lease until'),
        ),
        migrations.AddField(
            model_name='meshobservation',
            name='standing',
            field=models.JSONField(default=dict, verbose_name='whether it answers'),
        ),
        migrations.AddField(
            model_name='meshobservation',
            name='summarized_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='summarized at'),
        ),
        migrations.AddField(
            model_name='meshobservation',
            name='summary',
            field=models.JSONField(default=dict, verbose_name='summary'),
        ),
        migrations.AlterField(
            model_name='clusterobservation',
            name='at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='observed at'),
        ),
        migrations.AlterField(
            model_name='meshobservation',
            name='at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='observed at'),
        ),
        migrations.CreateModel(
            name='Dismissal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64, verbose_name='digest')),
                ('at', models.DateTimeField(auto_now=True, verbose_name='at')),
                ('mesh', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='interconnect.mesh', verbose_name='mesh')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='user')),
            ],
            options={
                'verbose_name': 'dismissed alert',
                'verbose_name_plural': 'dismissed alerts',
                'constraints': [models.UniqueConstraint(fields=('user', 'mesh'), name='dismissal_once_per_person')],
            },
        ),
        migrations.CreateModel(
            name='Finding',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(max_length=80, verbose_name='source')),
                ('code', models.CharField(max_length=64, verbose_name='code')),
                ('subject_kind', models.CharField(choices=[(interconnect.domain.findings.SubjectKind['CONSOLE'], interconnect.domain.findings.SubjectKind['CONSOLE']), (interconnect.domain.findings.SubjectKind['MESH'], interconnect.domain.findings.SubjectKind['MESH']), (interconnect.domain.findings.SubjectKind['CONTROL_PLANE'], interconnect.domain.findings.SubjectKind['CONTROL_PLANE']), (interconnect.domain.findings.SubjectKind['RULE'], interconnect.domain.findings.SubjectKind['RULE']), (interconnect.domain.findings.SubjectKind['GROUP'], interconnect.domain.findings.SubjectKind['GROUP']), (interconnect.domain.findings.SubjectKind['CLUSTER'], interconnect.domain.findings.SubjectKind['CLUSTER']), (interconnect.domain.findings.SubjectKind['GATEWAY'], interconnect.domain.findings.SubjectKind['GATEWAY']), (interconnect.domain.findings.SubjectKind['ISTIOD'], interconnect.domain.findings.SubjectKind['ISTIOD'])], max_length=16, verbose_name='kind of subject')),
                ('subject', models.CharField(blank=True, max_length=253, verbose_name='subject')),
                ('detail', models.CharField(blank=True, max_length=300, verbose_name='detail')),
                ('severity', models.CharField(choices=[(interconnect.domain.findings.Severity['FINAL'], interconnect.domain.findings.Severity['FINAL']), (interconnect.domain.findings.Severity['ERROR'], interconnect.domain.findings.Severity['ERROR']), (interconnect.domain.findings.Severity['CRITICAL'], interconnect.domain.findings.Severity['CRITICAL']), (interconnect.domain.findings.Severity['WARNING'], interconnect.domain.findings.Severity['WARNING']), (interconnect.domain.findings.Severity['INFO'], interconnect.domain.findings.Severity['INFO'])], max_length=8, verbose_name='severity')),
                ('params', models.JSONField(default=dict, verbose_name='parameters')),
                ('evidence', models.JSONField(default=dict, verbose_name='evidence')),
                ('token', models.CharField(blank=True, max_length=500, verbose_name='token')),
                ('first_seen', models.DateTimeField(verbose_name='first seen')),
                ('last_seen', models.DateTimeField(verbose_name='last seen')),
                ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='ended at')),
                ('mesh', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='findings', to='interconnect.mesh', verbose_name='mesh')),
            ],
            options={
                'verbose_name': 'finding',
                'verbose_name_plural': 'findings',
                'ordering': ('-first_seen', 'code'),
                'indexes': [models.Index(fields=['mesh', 'ended_at', 'severity'], name='finding_open')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('mesh', 'source', 'code', 'subject_kind', 'subject', 'detail'), name='finding_open_once')],
            },
        ),
        migrations.CreateModel(
            name='ReplicaObservation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=253, verbose_name='name')),
                ('at', models.DateTimeField(verbose_name='observed at')),
                ('answered_at', models.DateTimeField(blank=True, null=True, verbose_name='last contact')),
                ('standing', models.JSONField(default=dict, verbose_name='whether it answers')),
                ('facts', models.JSONField(default=dict, verbose_name='facts')),
                ('mesh', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='replicas', to='interconnect.mesh', verbose_name='mesh')),
            ],
            options={
                'verbose_name': 'istiod replica observation',
                'verbose_name_plural': 'istiod replica observations',
                'constraints': [models.UniqueConstraint(fields=('mesh', 'name'), name='replica_once_per_mesh')],
            },
        ),
        migrations.CreateModel(
            name='Silence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=64, verbose_name='code')),
                ('subjects', models.JSONField(blank=True, default=list, verbose_name='subjects')),
                ('reason', models.CharField(max_length=500, verbose_name='reason')),
                ('actor', models.CharField(max_length=200, verbose_name='silenced by')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                ('until', models.DateTimeField(verbose_name='until')),
                ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='ended at')),
                ('mesh', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='silences', to='interconnect.mesh', verbose_name='mesh')),
            ],
            options={
                'verbose_name': 'silence',
                'verbose_name_plural': 'silences',
                'ordering': ('-created_at',),
                'indexes': [models.Index(fields=['mesh', 'until'], name='silence_in_force')],
            },
        ),
    ]
