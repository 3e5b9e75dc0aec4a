"""What a person fills in to make or change a host."""

from __future__ import annotations

import secrets

from wtforms import HiddenField

from sentinelweb.forms.fields import DurationField
from sentinelweb.forms.monitors import MonitorForm
from sentinelweb.i18n import lazy_gettext as _
from sentinelweb.models import Channel, Host
from sentinelweb.services.hosts import MAX_SILENCE, MIN_SILENCE, HostValues


class HostForm(MonitorForm):
    # Sent again, as by reloading the answer, the same form makes no second host.
    sheet = HiddenField(default=lambda: secrets.token_urlsafe(16))
    silent_after = DurationField(
        _("Silent after"),
        description=_(
            "How long no report may come before an alert is sent. Agents report every 10 seconds "
            "unless told otherwise."
        ),
        default="1m",
        render_kw={"list": "silences", "autocomplete": "off", "spellcheck": "false"},
    )

    def offer(self, channels: list[Channel], host: Host | None = None) -> None:
        """Fill in what can be chosen. Our own machine is never silent to itself."""
        self.offer_channels(channels, host)
        self.name.render_kw = {**(self.name.render_kw or {}), "placeholder": "web-1.example.com"}
        self._is_local = bool(host and host.is_local)

    def validate_silent_after(self, field: DurationField) -> None:
        if not self._is_local:
            field.seconds(MIN_SILENCE, MAX_SILENCE)

    def values(self, host: Host | None = None) -> HostValues:
        """What was filled in, once it is valid; `host` is the one that it is about."""
        return HostValues(
            name=self.name.data or "",
            description=self.description.data or "",
            tags=self.tags.tags,
            environment=self.environment.data or "",
            silent_after=host.silent_after
            if host and host.is_local
            else self.silent_after.seconds(MIN_SILENCE, MAX_SILENCE),
            channel_ids=self.channels.data or [],
        )
