"""What a person fills in to make or change a heartbeat."""

from __future__ import annotations

import json
from datetime import datetime

from wtforms import RadioField, SelectField, StringField, ValidationError
from wtforms.validators import Length

from sentinelweb import clock, i18n
from sentinelweb.core.schedule import (
    MAX_GRACE,
    MAX_PERIOD,
    MIN_PERIOD,
    CronSchedule,
    ScheduleError,
)
from sentinelweb.core.signals import is_alias
from sentinelweb.forms.fields import DurationField, printable, stripped
from sentinelweb.forms.monitors import MonitorForm
from sentinelweb.i18n import gettext
from sentinelweb.i18n import lazy_gettext as _
from sentinelweb.models import Channel, HeartbeatCheck
from sentinelweb.services.heartbeats import HeartbeatValues

MAX_CRON = 200
MAX_ALIAS = 80

# Seed 000's table of common periods: what it is called, the period and the grace.
PRESETS = (
    (_("1 minute"), "1m", "30s"),
    (_("5 minutes"), "5m", "2m"),
    (_("15 minutes"), "15m", "5m"),
    (_("1 hour"), "1h", "10m"),
    (_("6 hours"), "6h", "1h"),
    (_("12 hours"), "12h", "2h"),
    (_("1 day"), "1d", "1h"),
    (_("1 week"), "7d", "1d"),
    (_("1 month"), "30d", "1d"),
)


class HeartbeatForm(MonitorForm):
    alias = StringField(
        _("Alias"),
        [Length(max=MAX_ALIAS, message=_("Too long."))],
        filters=[stripped],
        description=_("A name for URLs: the job can be pinged by the team's ping key and this."),
        render_kw={"placeholder": "nightly-backup", "autocomplete": "off", "spellcheck": "false"},
    )
    schedule_kind = RadioField(_("Schedule"), default="period")
    expected_period = DurationField(
        _("Period"),
        description=_("The time between two pings, such as 1h 30m, or in seconds."),
        default="1d",
        render_kw={"list": "periods", "autocomplete": "off", "spellcheck": "false"},
    )
    grace_period = DurationField(
        _("Grace"),
        description=_("How late a ping may be before an alert is sent."),
        default="1h",
        render_kw={"list": "graces", "autocomplete": "off", "spellcheck": "false"},
    )
    cron_expression = StringField(
        _("Cron expression"),
        [Length(max=MAX_CRON, message=_("Too long.")), printable],
        filters=[lambda value: " ".join((value or "").split())],
        description=_("Minute, hour, day, month, weekday, as in the crontab."),
        render_kw={"placeholder": "0 3 * * *", "autocomplete": "off", "spellcheck": "false"},
    )
    cron_timezone = SelectField(_("Time zone"))

    def offer(self, channels: list[Channel], *, heartbeat: HeartbeatCheck | None = None) -> None:
        """Fill in what can be chosen, and on a fresh form what is chosen already."""
        self.offer_channels(channels, heartbeat)
        zones = i18n.timezone_names()
        own_zone = heartbeat.cron_timezone if heartbeat else None
        offered = zones if own_zone in {None, *zones} else (*zones, str(own_zone))
        self.cron_timezone.choices = {name: name for name in offered}
        self.schedule_kind.choices = {
            "period": gettext("Regular interval"),
            "cron": gettext("Cron expression"),
        }
        if self.is_submitted():
            return
        zone = i18n.reader().timezone
        self.cron_timezone.data = own_zone or (zone if zone in zones else "UTC")
        if heartbeat:
            self.schedule_kind.data = "cron" if heartbeat.cron_expression else "period"

    @property
    def by_cron(self) -> bool:
        return bool(self.schedule_kind.data == "cron")

    def validate_alias(self, field: StringField) -> None:
        if field.data and not field.errors and not is_alias(field.data):
            raise ValidationError(
                gettext(
                    "Use letters from a to z, digits and - _ . ~ only, and no number up to 255 nor "
                    "start, fail or log."
                )
            )

    def validate_expected_period(self, field: DurationField) -> None:
        if not self.by_cron:
            field.seconds(MIN_PERIOD, MAX_PERIOD)

    def validate_grace_period(self, field: DurationField) -> None:
        field.seconds(0, MAX_GRACE)

    def validate_cron_expression(self, field: StringField) -> None:
        if self.by_cron and not field.errors:
            self.upcoming(clock.now())

    def upcoming(self, after: datetime, count: int = 3) -> list[datetime]:
        """When the cron expression comes due next; raise ValidationError if it never does."""
        if not self.cron_expression.data:
            raise ValidationError(gettext("Write a cron expression, such as 0 3 * * *."))
        try:
            schedule = CronSchedule(self.cron_expression.data, self.cron_timezone.data or "UTC", 0)
            return schedule.upcoming(after, count)
        except ScheduleError:
            raise ValidationError(
                gettext("This is no cron expression that ever comes due, such as 0 3 * * *.")
            ) from None

    def values(self) -> HeartbeatValues:
        """What was filled in, once it is valid."""
        by_cron = self.by_cron
        return HeartbeatValues(
            name=self.name.data or "",
            description=self.description.data or "",
            tags=self.tags.tags,
            environment=self.environment.data or "",
            expected_period=86_400
            if by_cron
            else self.expected_period.seconds(MIN_PERIOD, MAX_PERIOD),
            grace_period=self.grace_period.seconds(0, MAX_GRACE),
            cron_expression=self.cron_expression.data if by_cron else None,
            cron_timezone=self.cron_timezone.data if by_cron else None,
            channel_ids=self.channels.data or [],
            alias=self.alias.data or None,
        )


def presets() -> list[dict[str, str]]:
    """The common schedules, each with what its button fills in."""
    return [
        {
            "label": label,
            "period": period,
            "grace": grace,
            "fill": json.dumps({"expected_period": period, "grace_period": grace}),
        }
        for label, period, grace in PRESETS
    ]
