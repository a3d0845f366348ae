"""Django's settings, all from the environment; see *Settings* in README.md."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import dj_database_url
import django_stubs_ext
from celery.schedules import schedule
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from kombu import Queue

from meshconsole.broker import celery_url
from meshconsole.env import Env, closed_folder, generated_secret, split
from meshconsole.ops.logging import configure_structlog, logging_config
from meshconsole.proxies import TrustedProxies
from meshconsole.strength import host_weakness, origin_weakness, secret_weakness

django_stubs_ext.monkeypatch()

env = Env(os.environ)
BASE_DIR = Path(__file__).resolve().parent.parent

MESHCONSOLE_ENV = env.choice("MESHCONSOLE_ENV", ("development", "production"), "development")
PRODUCTION = MESHCONSOLE_ENV == "production"
MESHCONSOLE_DATA = Path(env.text("MESHCONSOLE_DATA", str(BASE_DIR / "data")))
if said := closed_folder(MESHCONSOLE_DATA, program=BASE_DIR):
    print(f"meshconsole: {said}", file=sys.stderr)
DEBUG = env.flag("MESHCONSOLE_DEBUG", False)
if PRODUCTION and DEBUG:
    raise ImproperlyConfigured(
        "MESHCONSOLE_DEBUG isn't allowed in production: its error pages show settings and requests to everybody."
    )

# `manage.py run`
MESHCONSOLE_PORT = env.integer("MESHCONSOLE_PORT", 8000)
MESHCONSOLE_ADMIN_PASSWORD = env.secret("MESHCONSOLE_ADMIN_PASSWORD")
MESHCONSOLE_DEMO = env.flag("MESHCONSOLE_DEMO", not PRODUCTION)
if PRODUCTION and MESHCONSOLE_DEMO:
    raise ImproperlyConfigured(
        "MESHCONSOLE_DEMO isn't allowed in production: simulated clusters are for trying the console out."
    )

SECRET_KEY = env.secret("SECRET_KEY")
if PRODUCTION and not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY (or SECRET_KEY_FILE) must be set in production: a long random text that signs sessions."
    )
if PRODUCTION and (weakness := secret_weakness(SECRET_KEY)):
    raise ImproperlyConfigured(
        f"SECRET_KEY {weakness}: anyone who guesses it can sign in as anybody. Production needs a long random "
        f"text, such as "
        "python -c 'import secrets; print(secrets.token_urlsafe(48))' prints."
    )
SECRET_KEY = SECRET_KEY or generated_secret(MESHCONSOLE_DATA / "secret_key")

ALLOWED_HOSTS = env.items("ALLOWED_HOSTS")
if PRODUCTION and not ALLOWED_HOSTS:
    raise ImproperlyConfigured(
        "ALLOWED_HOSTS must be set in production: the host names of the console, separated by commas."
    )
if PRODUCTION and (weakness := host_weakness(ALLOWED_HOSTS)):
    raise ImproperlyConfigured(f"ALLOWED_HOSTS: {weakness}. Production needs the names of the console itself.")
ALLOWED_HOSTS = ALLOWED_HOSTS or ["localhost", "127.0.0.1", "[::1]"]

# Newest first: the first key seals, any of them opens.
MESHCONSOLE_CREDENTIAL_KEYS = split(env.secret("MESHCONSOLE_CREDENTIAL_KEYS"))
if PRODUCTION and not MESHCONSOLE_CREDENTIAL_KEYS:
    raise ImproperlyConfigured(
        "MESHCONSOLE_CREDENTIAL_KEYS (or MESHCONSOLE_CREDENTIAL_KEYS_FILE) must be set in production: "
        "Fernet keys, newest first, separated by commas."
    )
MESHCONSOLE_CREDENTIAL_KEYS = MESHCONSOLE_CREDENTIAL_KEYS or [
    generated_secret(MESHCONSOLE_DATA / "credential_key", lambda: Fernet.generate_key().decode())
]

INSTALLED_APPS = [
    "meshconsole.access.admin_app.ConsoleAdminConfig",
    # Before Django's, since its createsuperuser replaces Django's.
    "meshconsole.access",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    # This lets the form renderer find Django's own widgets.
    "django.forms",
    "allauth",
    "allauth.account",
    "csp",
    "django_filters",
    "django_htmx",
    "django_structlog",
    "template_partials",
    "meshconsole.audit",
    "meshconsole.ops",
    "meshconsole.ui",
    "meshconsole.vault",
    "interconnect.apps.InterconnectConfig",
]

MIDDLEWARE = [
    "meshconsole.middleware.NoStoreMiddleware",
    "meshconsole.middleware.ForwardedMiddleware",
    # Early, since a probe arrives over plain HTTP, without a session, and with an address as its host name.
    "meshconsole.middleware.HealthMiddleware",
    "meshconsole.middleware.HostMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "meshconsole.middleware.SessionEndMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # Before a view, or the check of the CSRF token, reads the request.
    "meshconsole.middleware.CharsetMiddleware",
    "meshconsole.middleware.SizeMiddleware",
    "meshconsole.htmx.HtmxLoginRequiredMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "meshconsole.middleware.PermissionsPolicyMiddleware",
]

ROOT_URLCONF = "meshconsole.urls"
WSGI_APPLICATION = "meshconsole.wsgi.application"
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
FORM_RENDERER = "meshconsole.ui.forms.ConsoleRenderer"

AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
ACCOUNT_ADAPTER = "meshconsole.access.accounts.ClosedAccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
# The adapter has its own limits, by name and address; allauth's lock out everyone who shares an address with an
# attacker.
ACCOUNT_RATE_LIMITS = {"login": "", "login_failed": ""}

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "meshconsole.ui.context.frame",
            ],
        },
    },
]

SQLITE_OPTIONS: dict[str, Any] = {
    # A transaction that begins as a reader and then writes fails at once if another has written; IMMEDIATE waits.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    # FULL: an intention must be on disk before the cluster hears of it. Not memory-mapped: when several processes came,
    # went and were killed, mappings (SQLite 3.40) showed invalid pages, and whatever was written based on them was
    # lost.
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000; PRAGMA mmap_size=0;",
}


def database_settings(url: str, data: Path) -> dict[str, Any]:
    """Return Django's settings for the database that `url` names; "" is the SQLite file in `data`.

    A PostgreSQL URL may name a unix socket's folder as its host (`postgresql://user@%2Frun%2Fpg/name`).
    """
    if not url:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": data / "meshconsole.sqlite3",
            "OPTIONS": dict(SQLITE_OPTIONS),
        }
    try:
        parsed: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True))
    except Exception:
        # Whatever the parser raises, its message and its traceback may quote the URL, which holds a password.
        raise ImproperlyConfigured(
            "DATABASE_URL is not a database URL such as postgresql://user:password@host/name."
        ) from None
    if parsed["ENGINE"] == "django.db.backends.sqlite3":
        return parsed | {"OPTIONS": dict(SQLITE_OPTIONS), "CONN_MAX_AGE": 0}
    if parsed["ENGINE"] == "django.db.backends.postgresql":
        return parsed
    raise ImproperlyConfigured("DATABASE_URL must name PostgreSQL or SQLite.")


DATABASES = {"default": database_settings(env.secret("DATABASE_URL"), MESHCONSOLE_DATA)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Without a broker, a bell rings only in this process; the sweep finds what nobody heard.
REDIS_URL = env.secret("REDIS_URL")
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "meshconsole-json",
        "OPTIONS": {"serializer": "meshconsole.broker.JsonSerializer"},
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
# Without production's content-based names there is nothing to collect: files are served from where they are.
WHITENOISE_USE_FINDERS = not PRODUCTION
STATICFILES_DIRS = [path for path in (BASE_DIR / "static",) if path.is_dir()]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "meshconsole.ui.storage.StaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "object-src": ["'none'"],
    }
}
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "meshconsole.ui.errors.outdated_form"
SESSION_COOKIE_HTTPONLY = True
# One working day at most, and one hour without anyone at the keyboard.
SESSION_COOKIE_AGE = int(env.seconds("MESHCONSOLE_SESSION_SECONDS", 43_200))
MESHCONSOLE_SESSION_IDLE_SECONDS = env.seconds("MESHCONSOLE_SESSION_IDLE_SECONDS", 3_600)
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_SECURE = PRODUCTION
CSRF_TRUSTED_ORIGINS = env.items("CSRF_TRUSTED_ORIGINS")
if PRODUCTION and (weakness := origin_weakness(CSRF_TRUSTED_ORIGINS)):
    raise ImproperlyConfigured(f"CSRF_TRUSTED_ORIGINS: {weakness}. Production needs the origin of the console itself.")
SECURE_SSL_REDIRECT = PRODUCTION
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
# Both affect every other name in the domain, which is its owner's decision and not this console's.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_REFERRER_POLICY = "same-origin"
# Proxies whose X-Forwarded-For, -Proto and -Host are trusted. The middleware puts the values where Django looks, and
# nothing else reads these headers.
MESHCONSOLE_TRUSTED_PROXIES = env.items("MESHCONSOLE_TRUSTED_PROXIES")
if env.flag("MESHCONSOLE_TRUST_PROXY", False):
    raise ImproperlyConfigured(
        "MESHCONSOLE_TRUST_PROXY is gone: name the proxies in MESHCONSOLE_TRUSTED_PROXIES (README.md, *Settings*)."
    )
try:
    TrustedProxies.parse(MESHCONSOLE_TRUSTED_PROXIES)
except ValueError as error:
    raise ImproperlyConfigured(
        f"MESHCONSOLE_TRUSTED_PROXIES: {error} is neither a network, an address nor “unix”, or it would "
        f"trust everybody."
    ) from None

# The largest form. The web server keeps no larger body, and SizeMiddleware refuses it.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440

LOGGING_CONFIG = "logging.config.dictConfig"
LOGGING = logging_config(env.choice("MESHCONSOLE_LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), "INFO"))
configure_structlog()
DJANGO_STRUCTLOG_CELERY_ENABLED = True
# It would trust a dozen headers that any client can send; meshconsole.access.apps adds the address that counts.
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False

# How often a page asks while something is under way.
MESHCONSOLE_POLL_SECONDS = env.seconds("MESHCONSOLE_POLL_SECONDS", 2)

MESHCONSOLE_LEASE_SECONDS = env.seconds("MESHCONSOLE_LEASE_SECONDS", 30)
MESHCONSOLE_CALL_DEADLINE_SECONDS = env.seconds("MESHCONSOLE_CALL_DEADLINE_SECONDS", 20)
MESHCONSOLE_SWEEP_SECONDS = env.seconds("MESHCONSOLE_SWEEP_SECONDS", 15)
MESHCONSOLE_PROBE_SECONDS = env.seconds("MESHCONSOLE_PROBE_SECONDS", 60)
# What changes rarely (rights, versions, trust roots, Pods without a network) is looked at so often.
MESHCONSOLE_SLOW_PROBE_SECONDS = env.seconds("MESHCONSOLE_SLOW_PROBE_SECONDS", 3600)
# Findings that ended so many days ago are deleted.
MESHCONSOLE_FINDING_DAYS = env.integer("MESHCONSOLE_FINDING_DAYS", 90)
# A probe gives one call less time than a rollout does: what is slower counts as no answer.
MESHCONSOLE_PROBE_CALL_SECONDS = env.seconds("MESHCONSOLE_PROBE_CALL_SECONDS", 5)
# How long a cluster may stay silent before its chain of a rollout fails, and how long istiod's replicas may disagree.
MESHCONSOLE_UNREACHABLE_SECONDS = env.seconds("MESHCONSOLE_UNREACHABLE_SECONDS", 60)
MESHCONSOLE_VERIFY_SECONDS = env.seconds("MESHCONSOLE_VERIFY_SECONDS", 60)
# Networks that the console never connects to, whatever a kubeconfig or an address says. Link-local holds the metadata
# service of nearly every cloud; the others are metadata services outside it.
MESHCONSOLE_DENIED_NETWORKS = env.items("MESHCONSOLE_DENIED_NETWORKS") or [
    "169.254.0.0/16",
    "fe80::/10",
    "fd00:ec2::254/128",
    "100.100.100.200/32",
    "168.63.129.16/32",
    "192.0.0.192/32",
]
# Otherwise anyone who may register a cluster could probe what listens on the console's own machine.
MESHCONSOLE_ALLOW_LOOPBACK = env.flag("MESHCONSOLE_ALLOW_LOOPBACK", not PRODUCTION)
if not MESHCONSOLE_ALLOW_LOOPBACK:
    MESHCONSOLE_DENIED_NETWORKS += ["127.0.0.0/8", "::1/128"]

CELERY_BROKER_URL = celery_url(REDIS_URL) if REDIS_URL else "memory://"
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
# With remote control, anyone who can write to the broker could end workers and make them call whatever they like.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_TASK_SEND_SENT_EVENT = False
CELERY_TIMEZONE = "UTC"
# The database is the record of what happened.
CELERY_TASK_IGNORE_RESULT = True
# A message is a bell: taken means rung, and the sweep makes up for a lost one. Acknowledging it would only add a way to
# fail: kombu 5.7 ends the worker (AttributeError) when a task ends after the connection that brought it was lost.
CELERY_TASK_QUEUES = [Queue(name, no_ack=True) for name in ("rollout", "question", "probe")]
CELERY_TASK_DEFAULT_QUEUE = "rollout"
CELERY_TASK_ROUTES = {
    "interconnect.tasks.answer": {"queue": "question"},
    "interconnect.tasks.probe*": {"queue": "probe"},
}
# A bell that can't be rung soon is left to the sweep: the request that rings it doesn't wait.
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.2}
CELERY_WORKER_POOL = "threads"
# A worker larger than this finishes its steps and makes room for another one.
MESHCONSOLE_WORKER_MEGABYTES = env.integer("MESHCONSOLE_WORKER_MEGABYTES", 600)
if MESHCONSOLE_WORKER_MEGABYTES != 0 and MESHCONSOLE_WORKER_MEGABYTES < 200:
    raise ImproperlyConfigured(
        "MESHCONSOLE_WORKER_MEGABYTES must be 0 (no limit) or at least 200: an idle worker takes about 100 MB, "
        "and a smaller limit would replace it again and again."
    )
CELERY_WORKER_CONCURRENCY = env.integer("MESHCONSOLE_WORKER_THREADS", 32)
# One worker may serve all queues: questions and probes each get this many of its threads, so that some are always free
# for rollouts.
MESHCONSOLE_THREADS_EACH = max(1, CELERY_WORKER_CONCURRENCY // 4)
# A thread can't be cancelled, and its work is under a lease.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = (
    {
        "global_keyprefix": "meshconsole:",
        "socket_connect_timeout": 2,
        "socket_timeout": 15,
    }
    if REDIS_URL
    else {}
)
CELERY_BEAT_SCHEDULE_FILENAME = str(MESHCONSOLE_DATA / "celerybeat-schedule")
CELERY_BEAT_SCHEDULE = {
    "sweep": {
        "task": "interconnect.tasks.sweep",
        "schedule": schedule(MESHCONSOLE_SWEEP_SECONDS),
        # A sweep that has waited is worthless once the next one has come.
        "options": {"expires": MESHCONSOLE_SWEEP_SECONDS},
    },
    "probe": {
        "task": "interconnect.tasks.probe",
        "schedule": schedule(MESHCONSOLE_PROBE_SECONDS),
        "options": {"expires": MESHCONSOLE_PROBE_SECONDS, "queue": "probe"},
    },
}
# Sweeping more often than every five seconds (in tests) needs a beat that wakes up for it.
CELERY_BEAT_MAX_LOOP_INTERVAL = min(5.0, MESHCONSOLE_SWEEP_SECONDS)
