"""Django's settings, derived from gantry.base.config; nothing else decides anything here."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import unquote, urlsplit

from gantry.base import postgres
from gantry.base.config import settings
from gantry.base.crypto import key_ring

_s = settings()
_package = Path(__file__).resolve().parent.parent


def _database(url: str) -> dict[str, object]:
    parts = urlsplit(url)
    query = dict(p.split("=", 1) for p in parts.query.split("&") if "=" in p)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "postgres",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(query.pop("host", "") or parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": {"pool": {"min_size": 1, "max_size": 8, "timeout": 20}, **query},
    }


DEBUG = _s.debug
# Sessions and CSRF tokens are signed with a key derived from the ring: one file to back up.
SECRET_KEY = hashlib.sha256(b"django" + next(iter(key_ring().keys.values()))).hexdigest()
ALLOWED_HOSTS = list(_s.allowed_hosts)
DATABASES = {"default": _database(postgres.url(_s))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
# A language is there once it has a catalog: see gantry.web.messages. Only pages speak it; the API's
# words are AWX's.
LOCALE_PATHS = [_package / "web" / "locale"]
LANGUAGES = [("en", "English")] + [
    (path.parts[-3].replace("_", "-").lower(), path.parts[-3])
    for path in sorted(LOCALE_PATHS[0].glob("*/LC_MESSAGES/django.mo"))
]

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "gantry.resources",
]
AUTH_USER_MODEL = "resources.User"
AUTHENTICATION_BACKENDS = ["gantry.resources.login_backend.Passwords"]
AUTH_PASSWORD_VALIDATORS = [{"NAME": "gantry.resources.passwords.LocalPasswordRules"}]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",  # AWX's, for imported users
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "gantry.web.headers.SecurityHeaders",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "gantry.api.named_urls.NamedUrls",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "gantry.web.sessions.SessionTimeout",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "gantry.resources.actor.Acting",
]
ROOT_URLCONF = "gantry.cli.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [_package / "web" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
STATIC_URL = "/static/"
STATICFILES_DIRS = [_package / "web" / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = _s.debug
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
# AWX's cookie name: awxkit and the collection read it from X-API-Session-Cookie-Name.
SESSION_COOKIE_NAME = "awx_sessionid"
SESSION_COOKIE_AGE = _s.session_cookie_age
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _s.public_url.startswith("https://")
CSRF_FAILURE_VIEW = "gantry.web.views.login.stale"
CSRF_TRUSTED_ORIGINS = [_s.public_url]
DATA_UPLOAD_MAX_MEMORY_SIZE = 20 << 20
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "gantry.api.auth.BearerAuthentication",
        "gantry.api.auth.SessionAuthentication",
        "gantry.api.auth.BasicAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PAGINATION_CLASS": "gantry.api.pages.AwxPagination",
    "DEFAULT_FILTER_BACKENDS": [
        "gantry.api.filters.FieldLookups",
        "gantry.api.filters.OrderBy",
    ],
    "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "gantry.api.browsable.BrowsablePages",
    ],
    "DEFAULT_METADATA_CLASS": "gantry.api.metadata.AwxMetadata",
    "DEFAULT_SCHEMA_CLASS": "gantry.api.schema.AwxSchema",
    "EXCEPTION_HANDLER": "gantry.api.errors.handle",
    "NON_FIELD_ERRORS_KEY": "__all__",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Gantry",
    "DESCRIPTION": "AWX's API, version 2, as Gantry answers it.",
    "VERSION": "2",
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api/v2",
    "POSTPROCESSING_HOOKS": [],
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "token": {"type": "http", "scheme": "bearer"},
            "password": {"type": "http", "scheme": "basic"},
            "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE_NAME},
        }
    },
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)-7s %(name)s: %(message)s"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "line"},
        "forwarded": {"class": "gantry.record.forward.lines.Keep"},
    },
    # Its debug lines hold tokens.
    "loggers": {"oauthlib": {"level": "INFO"}},
    "root": {"handlers": ["stderr", "forwarded"], "level": _s.log_level.upper()},
}
