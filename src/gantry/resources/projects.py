"""Projects (Git, Subversion, an archive) and their snapshots: trees addressed by revision and
content."""

from __future__ import annotations

from django.db import models

from gantry.resources.templates import UnifiedJobTemplate

SCM_TYPES = [
    ("", "Manual"),
    ("git", "Git"),
    ("svn", "Subversion"),
    ("insights", "Red Hat Insights"),
    ("archive", "Remote Archive"),
]
SYNCED = ("git", "svn", "archive")  # the kinds that a sync fetches


class ProjectOptions(models.Model):
    """What says where the content comes from; the same on a project and on its update."""

    local_path = models.CharField(max_length=1024, blank=True, default="")
    scm_type = models.CharField(max_length=8, choices=SCM_TYPES, blank=True, default="")
    scm_url = models.CharField(max_length=1024, blank=True, default="")
    scm_branch = models.CharField(max_length=256, blank=True, default="")
    scm_refspec = models.CharField(max_length=1024, blank=True, default="")
    scm_clean = models.BooleanField(default=False)
    scm_track_submodules = models.BooleanField(default=False)
    scm_delete_on_update = models.BooleanField(default=False)
    credential = models.ForeignKey(
        "resources.Credential", null=True, blank=True, default=None, on_delete=models.SET_NULL,
        related_name="%(class)ss",
    )  # fmt: skip
    timeout = models.IntegerField(default=0)

    class Meta:
        abstract = True


class Project(UnifiedJobTemplate, ProjectOptions):
    """Playbooks, and where they come from."""

    unifiedjobtemplate_ptr = models.OneToOneField(
        UnifiedJobTemplate, on_delete=models.CASCADE, parent_link=True, related_name="as_project"
    )
    scm_update_on_launch = models.BooleanField(default=False)
    scm_update_cache_timeout = models.PositiveIntegerField(default=0)
    allow_override = models.BooleanField(default=False)
    custom_virtualenv = models.CharField(max_length=100, null=True, blank=True, default=None)
    default_environment = models.ForeignKey(
        "ExecutionEnvironment", null=True, blank=True, default=None, on_delete=models.SET_NULL,
        related_name="+",
    )  # fmt: skip
    signature_validation_credential = models.ForeignKey(
        "Credential", null=True, blank=True, default=None, on_delete=models.SET_NULL,
        related_name="+",
    )  # fmt: skip
    scm_revision = models.CharField(max_length=1024, blank=True, default="", editable=False)
    snapshot = models.ForeignKey(
        "ProjectSnapshot", null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name

    @property
    def synced(self) -> bool:
        return self.scm_type in SYNCED

    def newest(self, branch: str = "") -> ProjectSnapshot | None:
        """The tree that a job of this branch ("": the project's own) runs from: of where the
        project comes from now, and verified by what is to verify it now."""
        rows = self.snapshots.filter(
            scm_branch=branch or self.scm_branch, scm_url=self.scm_url
        )  # fmt: skip
        if self.signature_validation_credential_id is not None:
            rows = rows.filter(verified_by=self.signature_validation_credential_id)
        return rows.first()

    @property
    def playbook_files(self) -> list[str]:
        return list(self.snapshot.playbooks) if self.snapshot else []


class ProjectSnapshot(models.Model):
    """A project's tree at one commit, with its installed roles and collections (tar.gz)."""

    project = models.ForeignKey(
        Project, null=True, on_delete=models.SET_NULL, related_name="snapshots"
    )
    scm_url = models.CharField(max_length=1024)
    scm_branch = models.CharField(max_length=256, blank=True, default="")
    revision = models.CharField(max_length=64)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField(help_text="Bytes of the compressed tree.")
    unpacked_size = models.BigIntegerField(default=0)
    playbooks = models.JSONField(default=list)
    inventory_files = models.JSONField(default=list)
    needs = models.JSONField(default=dict)  # playbook -> what it needs; read once, see preflight
    # The credential with whose key its signature was verified.
    verified_by = models.ForeignKey(
        "Credential", null=True, default=None, on_delete=models.SET_NULL, related_name="+"
    )
    update = models.OneToOneField(
        "ProjectUpdate", null=True, on_delete=models.SET_NULL, related_name="snapshot"
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return self.revision[:12]


class Artifact(models.Model):
    """A piece of a file that a pod sent back; a snapshot's tree is its update's pieces in order."""

    job = models.ForeignKey("UnifiedJob", on_delete=models.CASCADE, related_name="artifact_pieces")
    name = models.CharField(max_length=200)
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "name", "number"], name="artifact_piece")
        ]

    def __str__(self) -> str:
        return f"{self.name}[{self.number}]"
