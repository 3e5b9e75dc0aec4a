"""The WSGI application, for gunicorn and `flask`."""

from sentinelweb import create_app

app = create_app()
