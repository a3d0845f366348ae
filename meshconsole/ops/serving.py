"""gunicorn's settings, for every way of running the console: `gunicorn -c python:meshconsole.ops.serving`."""

from __future__ import annotations

from meshconsole.ops.logging import logging_config

wsgi_app = "meshconsole.wsgi:application"
worker_class = "meshconsole.ops.web.BufferedWorker"
worker_connections = 1000
# Also for a request to arrive whole.
keepalive = 30
graceful_timeout = 10
# The socket would need a home, which the image's user does not have.
control_socket_disable = True
logconfig_dict = logging_config("INFO")
