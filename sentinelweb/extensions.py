"""The Flask extensions, unbound until create_app()."""

from __future__ import annotations

from flask import current_app
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_wtf import CSRFProtect

from config import Settings

csrf = CSRFProtect()
limiter = Limiter(get_remote_address, in_memory_fallback_enabled=True, swallow_errors=True)
login_manager = LoginManager()
migrate = Migrate(render_as_batch=True)


def settings() -> Settings:
    """The settings of the current application."""
    value: Settings = current_app.config["SETTINGS"]
    return value
