"""Where static files are in production."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Names files by their content, also where modules of the console import each other.

    A page and a module must name the same file, or the browser would run it twice.
    """

    # Not Django's own patterns (`support_js_module_import_aggregation`): they read every script of every package, and
    # fail on one from django-htmx.
    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        ("js/console/*.js", ((r'(?P<matched>from "(?P<url>\./[^"]+)")', 'from "%(url)s"'),)),
    )
