"""Security headers and session cookies: about thirty lines that need no extension."""

from __future__ import annotations

from flask import Flask, Response, request
from flask.sessions import SecureCookieSessionInterface, SessionMixin

from sentinelweb.services import sessions

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

SHARED = {"public_status", "badges"}  # blueprints


def init_app(app: Flask) -> None:
    app.config.update(
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=(app.config["SETTINGS"].site_url or "").startswith("https://"),
        PERMANENT_SESSION_LIFETIME=sessions.LIFETIME,  # "remember me", from the last use on
        SESSION_REFRESH_EACH_REQUEST=False,  # access.py does, once it knows the session is valid
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a form left open overnight still works
    )
    app.session_interface = _SessionInterface()
    app.after_request(_set_headers)


class _SessionInterface(SecureCookieSessionInterface):
    def get_cookie_secure(self, app: Flask) -> bool:
        """Without SITE_URL the request tells, by itself or by a proxy of TRUSTED_PROXIES."""
        return super().get_cookie_secure(app) or request.is_secure

    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        """Never with what a cache on the way may give to others."""
        return request.blueprint not in SHARED and super().should_set_cookie(app, session)


def _set_headers(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
    if request.is_secure:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if request.endpoint != "static":
        # A page shows one team's data: no shared cache, and none left behind after logging out.
        headers.setdefault("Cache-Control", "no-store")
    return response
