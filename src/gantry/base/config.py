"""Reads the environment and one optional TOML file, once, into a frozen Settings.

Every setting is a field here with its default and its meaning; `docs/settings.md` is printed from
these fields. Nothing else in Gantry reads the environment for configuration.
"""

from __future__ import annotations

import dataclasses
import os
import tomllib
import types
import typing
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from gantry.base.errors import ConfigurationError

PREFIX = "GANTRY_"


def setting(meaning: str, *, default: Any, env: str | None = None) -> Any:
    """A field of Settings; `env` only where the name is not GANTRY_<FIELD>."""
    metadata = {"meaning": meaning, "env": env}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


def _default_data_dir() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/gantry")
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share"
    return Path(base) / "gantry"


@dataclass(frozen=True)
class Settings:
    """What this installation was told. Sizes are bytes, times are seconds."""

    data_dir: Path = setting(
        "Where Gantry keeps what must outlive it: the embedded database and the key ring.",
        default=_default_data_dir,
    )
    database_url: str = setting(
        "PostgreSQL to use (`postgresql://...`). Empty: an embedded PostgreSQL under the data dir.",
        default="",
        env="DATABASE_URL",
    )
    postgres_user: str = setting(
        "System user that runs the embedded PostgreSQL when Gantry is started as root, which "
        "PostgreSQL refuses for itself.",
        default="nobody",
    )
    host: str = setting("Address the web process listens on.", default="127.0.0.1")
    port: int = setting("Port the web process listens on.", default=8043)
    base_url: str = setting(
        "How people reach this Gantry; AWX_HOST in jobs. Empty: http://HOST:PORT.", default=""
    )
    allowed_hosts: tuple[str, ...] = setting(
        "Host names the web process answers to, comma separated; `*` for any.", default=("*",)
    )
    admin_user: str = setting("Name of the first administrator.", default="admin")
    admin_password: str = setting(
        "Password of the first administrator. Empty: a random one, printed once.", default=""
    )
    session_cookie_age: int = setting(
        "A login in a browser ends when it has not been used for this long. As AWX's "
        "SESSION_COOKIE_AGE.",
        default=1800,
    )
    login_failures: int = setting(
        "Failed logins to one name from one address before it has to wait. Of an address five "
        "times, of a name twenty times as many. 0: no limit.",
        default=10,
    )
    login_window: int = setting("Time over which failed logins are counted.", default=300)
    access_token_expires: int = setting(
        "How long a token lets its holder in. As AWX's ACCESS_TOKEN_EXPIRE_SECONDS.",
        default=31536000000,
    )
    refresh_token_expires: int = setting(
        "How long a refresh token can be changed for a new token.", default=2628000
    )
    authorization_code_expires: int = setting(
        "How long an application may take to change its authorization code for a token.",
        default=600,
    )
    local_password_min_length: int = setting(
        "Characters a new password must have at least. As AWX's LOCAL_PASSWORD_MIN_LENGTH.",
        default=0,
    )
    local_password_min_digits: int = setting("Digits a new password must have.", default=0)
    local_password_min_upper: int = setting(
        "Uppercase characters a new password must have.", default=0
    )
    local_password_min_special: int = setting(
        "Characters a new password must have that are neither letters nor digits.", default=0
    )
    auth_ldap_server_uri: str = setting(
        "Directory that people log in by: `ldap://...` or `ldaps://...`, several separated by "
        "commas. Empty: none. The AUTH_LDAP_ names and their values are AWX's; structures are "
        "JSON.",
        default="",
        env="AUTH_LDAP_SERVER_URI",
    )
    auth_ldap_bind_dn: str = setting(
        "Whom Gantry searches the directory as. Empty: anonymously.",
        default="",
        env="AUTH_LDAP_BIND_DN",
    )
    auth_ldap_bind_password: str = setting(
        "The password of AUTH_LDAP_BIND_DN.",
        default="",
        env="AUTH_LDAP_BIND_PASSWORD",
    )
    auth_ldap_start_tls: bool = setting(
        "Turn an ldap:// connection into one with TLS before anything is sent.",
        default=False,
        env="AUTH_LDAP_START_TLS",
    )
    auth_ldap_ca_file: str = setting(
        "PEM file of the authorities that the directory's certificate is checked against. "
        "Empty: the system's.",
        default="",
        env="AUTH_LDAP_CA_FILE",
    )
    auth_ldap_user_search: str = setting(
        "Where people are: `[base, scope, filter]` with `%(user)s` in the filter, or a list "
        "of such.",
        default="",
        env="AUTH_LDAP_USER_SEARCH",
    )
    auth_ldap_user_dn_template: str = setting(
        "Their DN with `%(user)s` in it, where that is enough to find them.",
        default="",
        env="AUTH_LDAP_USER_DN_TEMPLATE",
    )
    auth_ldap_user_attr_map: str = setting(
        "Our `first_name`, `last_name`, `email` -> the directory's attribute.",
        default='{"first_name": "givenName", "last_name": "sn", "email": "mail"}',
        env="AUTH_LDAP_USER_ATTR_MAP",
    )
    auth_ldap_group_search: str = setting(
        "Where groups are: `[base, scope, filter]`.",
        default="",
        env="AUTH_LDAP_GROUP_SEARCH",
    )
    auth_ldap_group_type: str = setting(
        "How groups name their members, as in AWX: `MemberDNGroupType`, `PosixGroupType`, "
        "`GroupOfNamesType`, `ActiveDirectoryGroupType` and so on, also `Nested...`.",
        default="MemberDNGroupType",
        env="AUTH_LDAP_GROUP_TYPE",
    )
    auth_ldap_group_type_params: str = setting(
        "`member_attr` and `name_attr` of the group type.",
        default='{"member_attr": "member", "name_attr": "cn"}',
        env="AUTH_LDAP_GROUP_TYPE_PARAMS",
    )
    auth_ldap_require_group: str = setting(
        "DN of the group that a person must be in.",
        default="",
        env="AUTH_LDAP_REQUIRE_GROUP",
    )
    auth_ldap_deny_group: str = setting(
        "DN of the group that a person must not be in.",
        default="",
        env="AUTH_LDAP_DENY_GROUP",
    )
    auth_ldap_user_flags_by_group: str = setting(
        "`is_superuser` or `is_system_auditor` -> DN, or DNs, of groups.",
        default="",
        env="AUTH_LDAP_USER_FLAGS_BY_GROUP",
    )
    auth_ldap_organization_map: str = setting(
        "Organization -> `admins`, `auditors`, `users` (true, false, DNs of groups), "
        "`remove`, `remove_admins` and so on.",
        default="",
        env="AUTH_LDAP_ORGANIZATION_MAP",
    )
    auth_ldap_team_map: str = setting(
        "Team -> `organization`, `users`, `remove`.",
        default="",
        env="AUTH_LDAP_TEAM_MAP",
    )
    social_auth_oidc_key: str = setting(
        "Client ID at the OpenID Connect provider that people log in by. Empty: none. The "
        "SOCIAL_AUTH_ names are AWX's.",
        default="",
        env="SOCIAL_AUTH_OIDC_KEY",
    )
    social_auth_oidc_secret: str = setting(
        "Client secret at the provider.",
        default="",
        env="SOCIAL_AUTH_OIDC_SECRET",
    )
    social_auth_oidc_oidc_endpoint: str = setting(
        "The provider's issuer: below it lies `.well-known/openid-configuration`.",
        default="",
        env="SOCIAL_AUTH_OIDC_OIDC_ENDPOINT",
    )
    social_auth_oidc_verify_ssl: bool = setting(
        "Check the provider's certificate.",
        default=True,
        env="SOCIAL_AUTH_OIDC_VERIFY_SSL",
    )
    social_auth_oidc_scope: tuple[str, ...] = setting(
        "What is asked for, separated by commas.",
        default=("openid", "profile", "email"),
        env="SOCIAL_AUTH_OIDC_SCOPE",
    )
    social_auth_oidc_label: str = setting(
        "What the button on the login page calls the provider.",
        default="OIDC",
        env="SOCIAL_AUTH_OIDC_LABEL",
    )
    social_auth_organization_map: str = setting(
        "Organization -> `admins`, `users` (true, false, user names, emails, `/patterns/`), "
        "`remove`, `organization_alias`.",
        default="",
        env="SOCIAL_AUTH_ORGANIZATION_MAP",
    )
    social_auth_team_map: str = setting(
        "Team -> `organization`, `users`, `remove`.",
        default="",
        env="SOCIAL_AUTH_TEAM_MAP",
    )
    engine_url: str = setting(
        "Docker-compatible engine: `unix:///run/podman/podman.sock`, `tcp://host:port`. Empty: "
        "DOCKER_HOST, or a podman service of Gantry's own.",
        default="",
    )
    pod_network: str = setting(
        "Network of job pods. Empty: the engine's default bridge.", default=""
    )
    pod_user: str = setting("User and group of the process in a pod, numeric.", default="1000:0")
    pod_memory: int = setting("Memory limit of a pod, tmpfs included. 0: none.", default=4 << 30)
    pod_cpus: float = setting("Processors a pod may use. 0: no limit.", default=0.0)
    pod_pids: int = setting("Processes a pod may have. 0: no limit.", default=4096)
    pod_tmpfs: int = setting("Size of the memory-backed /runner in a pod.", default=2 << 30)
    pod_nofile: int = setting(
        "Open files a pod may have; counts only with GANTRY_POD_NPROC. 0: the engine's default.",
        default=0,
    )
    pod_nproc: int = setting(
        "`nproc` limit of a pod's user; counts only with GANTRY_POD_NOFILE. 0: the engine's "
        "default.",
        default=0,
    )
    project_in_memory: int = setting(
        "A project whose unpacked tree is larger than this lies on the pod's own disk instead of "
        "in its memory; secrets never do.",
        default=512 << 20,
    )
    spool: int = setting(
        "Output a pod may hold that is not yet recorded; ansible waits when it is full.",
        default=64 << 20,
    )
    acknowledge_wait: int = setting(
        "How long a finished pod waits for its last output to be recorded.", default=86400
    )
    cancel_grace: int = setting(
        "How long ansible may take to stop after a cancel or a timeout before it is killed.",
        default=10,
    )
    engine_patience: int = setting(
        "How long a job that has not started waits for an engine that does not answer before it "
        "ends with an error. For an engine that has its pod a job waits without end.",
        default=60,
    )
    inspect_images: bool = setting(
        "Look once, in a pod without network, into each image that a job runs in: its collections "
        "and packages. People may ask for it all the same.",
        default=True,
    )
    fact_cache_timeout: int = setting(
        "Seconds for which facts kept of a host are given to jobs that use the fact cache. "
        "0: however old they are.",
        default=0,
    )
    default_job_timeout: int = setting(
        "Time limit of a job whose template sets none. 0: no limit.", default=0
    )
    build_timeout: int = setting(
        "Time limit of a build of an execution environment. 0: no limit.", default=3600
    )
    capacity: int = setting("Jobs one controller runs at a time.", default=20)
    node: str = setting(
        "What this machine is called among the instances. Empty: its host name.", default=""
    )
    lease: int = setting(
        "A controller that has not renewed its lease on a job for this long has lost it.",
        default=9,
    )
    control_plane_image: str = setting(
        "Image of the managed Control Plane Execution Environment, which syncs projects.",
        default="quay.io/ansible/awx-ee:latest",
    )
    global_image: str = setting(
        "Image of the seeded execution environment `AWX EE (latest)`.",
        default="quay.io/ansible/awx-ee:latest",
    )
    registry_mirrors: tuple[str, ...] = setting(
        "Where images are asked for before their registry, comma separated: "
        "`quay.io=mirror.example:5000/quay,docker.io=...`.",
        default=(),
    )
    drift_check: int = setting(
        "How often the registries of all execution environments are asked whether a tag has moved, "
        "spread over this time. 0: never, but for pulls and for a person who asks.",
        default=21600,
    )
    image_keep_days: int = setting(
        "Images that Gantry pulled or built and that nothing has used for this many days are "
        "removed from the engine. 0: never. Pinned, wanted and newest ones always stay.",
        default=0,
    )
    image_cache: int = setting(
        "Bytes that such images may take together: above it the longest unused go. 0: no limit.",
        default=0,
    )
    allow_jinja_in_extra_vars: str = setting(
        "Whether extra vars are evaluated as Jinja: `template` (only those of the template), "
        "`always`, `never`. As AWX's ALLOW_JINJA_IN_EXTRA_VARS.",
        default="template",
    )
    roles_enabled: bool = setting(
        "Install the roles of a project's requirements.yml at its sync. AWX's AWX_ROLES_ENABLED.",
        default=True,
    )
    collections_enabled: bool = setting(
        "Install its collections. AWX's AWX_COLLECTIONS_ENABLED.", default=True
    )
    galaxy_ignore_certs: bool = setting(
        "Take roles and collections from servers whose certificate nobody vouches for. AWX's "
        "GALAXY_IGNORE_CERTS.",
        default=False,
    )
    galaxy_task_env: tuple[str, ...] = setting(
        "Variables for `ansible-galaxy` at a sync, `NAME=value`, comma separated (a value with a "
        "comma: as a list in the file). AWX's GALAXY_TASK_ENV.",
        default=(),
    )
    ad_hoc_commands: tuple[str, ...] = setting(
        "The modules that ad hoc commands may run. As AWX's AD_HOC_COMMANDS.",
        default=(
            "command", "shell", "yum", "apt", "apt_key", "apt_repository", "apt_rpm", "service",
            "group", "user", "mount", "ping", "selinux", "setup", "win_ping", "win_service",
            "win_updates", "win_group", "win_user",
        ),
    )  # fmt: skip
    webhook_body: int = setting(
        "Bytes that a webhook may send; a larger one is refused before it is read.",
        default=5 << 20,
    )
    webhook_deliveries: int = setting(
        "Of each template so many of the last webhook deliveries are kept with their payload.",
        default=100,
    )
    webhook_status_context: str = setting(
        "What a commit status posted back is called; `{template}` in it is the template's name. "
        "AWX's is `ansible/awx`, on which rules of protected branches may rest.",
        default="ansible/awx",
    )
    webhook_status_hosts: tuple[str, ...] = setting(
        "Host names to which a commit status, and with it the webhook credential's token, may be "
        "sent, comma separated. Empty: wherever the signed payload says, as in AWX.",
        default=(),
    )
    bulk_host_max_create: int = setting(
        "Hosts that one bulk request may make. AWX's BULK_HOST_MAX_CREATE.", default=100
    )
    bulk_host_max_delete: int = setting(
        "Hosts that one bulk request may delete. AWX's BULK_HOST_MAX_DELETE.", default=250
    )
    bulk_job_max_launch: int = setting(
        "Jobs that one bulk request may launch. AWX's BULK_JOB_MAX_LAUNCH.", default=100
    )
    activity_stream_enabled: bool = setting(
        "Record in the activity stream who changed what. AWX's ACTIVITY_STREAM_ENABLED.",
        default=True,
    )
    metrics_for_anonymous: bool = setting(
        "Whether /api/v2/metrics/ answers without a login. AWX's "
        "ALLOW_METRICS_FOR_ANONYMOUS_USERS.",
        default=False,
    )
    debug: bool = setting("Show tracebacks in the browser. Never on a server.", default=False)
    log_level: str = setting("debug, info, warning or error.", default="info")

    @property
    def public_url(self) -> str:
        return self.base_url or f"http://{self.host}:{self.port}"

    @property
    def run_dir(self) -> Path:
        """Sockets and pid files; nothing here outlives a reboot."""
        return self.data_dir / "run"

    @property
    def engine(self) -> str:
        """URL of the engine, as the controller of this machine finds it."""
        own = self.run_dir / "podman.sock"
        found = f"unix://{own}" if own.exists() else ""
        told = self.engine_url or os.environ.get("DOCKER_HOST")
        return told or found or "unix:///run/podman/podman.sock"

    def make_data_dir(self) -> Path:
        """The data dir, made if need be. As root others may pass through it (the database's own
        user must) but not look; what is secret in it has its own mode."""
        if not self.data_dir.exists():
            self.data_dir.mkdir(parents=True)
            self.data_dir.chmod(0o711 if os.geteuid() == 0 else 0o700)
        return self.data_dir


def env_name(f: dataclasses.Field[Any]) -> str:
    return f.metadata["env"] or PREFIX + f.name.upper()


def setting_field(name: str) -> dataclasses.Field[Any]:
    return Settings.__dataclass_fields__[name]


def _parse(f: dataclasses.Field[Any], hint: Any, raw: Any) -> Any:
    try:
        if hint is bool:
            return raw if isinstance(raw, bool) else raw.lower() in ("1", "true", "yes", "on")
        if typing.get_origin(hint) is tuple:
            return tuple(p.strip() for p in raw.split(",")) if isinstance(raw, str) else tuple(raw)
        if isinstance(hint, types.UnionType):
            raise TypeError("settings have one type each")
        return hint(raw)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{env_name(f)} is {raw!r}, which is not {getattr(hint, '__name__', hint)}.",
            cure=f"Set {env_name(f)} to a value of that kind. Meaning: {f.metadata['meaning']}",
        ) from error


def load(environ: typing.Mapping[str, str], file: Path | None = None) -> Settings:
    """Environment beats file beats default. Unknown keys of the file are refused by name."""
    stored: dict[str, Any] = {}
    if file is not None:
        try:
            stored = tomllib.loads(file.read_text())
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise ConfigurationError(
                f"{file} cannot be read: {error}", cure="Mend the file or unset GANTRY_CONFIG."
            ) from error
    fields = {f.name: f for f in dataclasses.fields(Settings)}
    unknown = sorted(set(stored) - set(fields))
    if unknown:
        raise ConfigurationError(
            f"{file} sets {', '.join(unknown)}, which Gantry does not know.",
            cure="See docs/settings.md for the names.",
        )
    hints = typing.get_type_hints(Settings)
    values: dict[str, Any] = {}
    for name, f in fields.items():
        if env_name(f) in environ:
            values[name] = _parse(f, hints[name], environ[env_name(f)])
        elif name in stored:
            values[name] = _parse(f, hints[name], stored[name])
    return Settings(**values)


@lru_cache(maxsize=1)
def settings() -> Settings:
    """This process's settings: the environment, and the file that GANTRY_CONFIG names."""
    file = os.environ.get("GANTRY_CONFIG")
    return load(os.environ, Path(file) if file else None)


def table() -> str:
    """All settings as a Markdown table, for docs/settings.md and `gantry --help`."""
    rows = [
        "# Settings",
        "",
        "Environment variables, or keys of the TOML file that GANTRY_CONFIG names; the environment",
        "wins. This page is printed by `gantry settings`.",
        "",
        "| variable | key in the file | default | meaning |",
        "| --- | --- | --- | --- |",
    ]
    for f in dataclasses.fields(Settings):
        default = "" if f.default is dataclasses.MISSING else f.default
        if f.name == "data_dir":
            default = "/var/lib/gantry, or ~/.local/share/gantry"
        shown = ",".join(default) if isinstance(default, tuple) else default
        rows.append(f"| `{env_name(f)}` | `{f.name}` | `{shown}` | {f.metadata['meaning']} |")
    return "\n".join(rows).replace("| `` |", "| (empty) |") + "\n"
