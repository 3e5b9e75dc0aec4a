"""What a person fills in to make or change a service: its probe declares a part of the fields."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from flask import request
from flask_login import current_user
from wtforms import (
    BooleanField,
    HiddenField,
    PasswordField,
    SelectField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.validators import Length

from sentinelweb import probes
from sentinelweb.core.durations import format_duration
from sentinelweb.core.targets import with_scheme
from sentinelweb.extensions import settings as server_settings
from sentinelweb.forms.base import Form
from sentinelweb.forms.fields import CheckboxesField, DurationField, stripped
from sentinelweb.forms.monitors import MAX_NAME, MonitorForm
from sentinelweb.i18n import gettext
from sentinelweb.i18n import lazy_gettext as _
from sentinelweb.models import Channel, Service
from sentinelweb.probes.base import InvalidTargetError, Option, Probe
from sentinelweb.services import services
from sentinelweb.services.errors import InvalidInputError
from sentinelweb.services.masking import MASK, masked_target
from sentinelweb.services.services import (
    MAX_INTERVAL,
    MAX_THRESHOLD,
    MAX_TIMEOUT,
    MIN_INTERVAL,
    MIN_TIMEOUT,
    ServiceValues,
)

INTERVALS = ("10s", "30s", "1m", "5m", "15m", "1h", "1d")


def _with_scheme(text: str | None) -> str | None:
    return with_scheme(text) if text else text


class ServiceForm(MonitorForm):
    """What all kinds share. `service_form()` adds the options of one.

    `kind` tells whose options the page has. Where that was another than the address asks for, none
    were `filled_in`: they are as they were, or by default.
    """

    probe: Probe
    stored: Service | None
    filled_in: bool
    kind = HiddenField()
    target = StringField(
        _("Address"),
        filters=[stripped, _with_scheme],
        description=_(
            "How it begins decides how it is checked; example.com is taken as https://example.com."
        ),
        render_kw={
            "autocomplete": "off",
            "autocapitalize": "none",
            "spellcheck": "false",
            "inputmode": "url",
        },
    )
    name = StringField(
        _("Name"),
        [Length(max=MAX_NAME, message=_("Too long."))],
        filters=[stripped],
        description=_("Without one it is called after its address."),
        render_kw={"autocomplete": "off"},
    )
    interval = DurationField(
        _("Interval"),
        description=_("The time between two checks, such as 30s or 5m."),
        default="1m",
        render_kw={"list": "intervals", "autocomplete": "off", "spellcheck": "false"},
    )
    timeout = DurationField(
        _("Time limit"),
        description=_("How long it may take to answer."),
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )
    threshold = StringField(
        _("Failures before an alert"),
        filters=[stripped],
        description=_("So many in a row bring it down; one success brings it up."),
        render_kw={"autocomplete": "off", "inputmode": "numeric"},
    )

    def offer(self, channels: list[Channel]) -> None:
        self.offer_channels(channels, self.stored)

    def option_fields(self) -> list[tuple[Option, Any, Any]]:
        """What the probe declares, with the form's field and the one that removes a secret."""
        return [
            (option, self[option.name], self._fields.get(_remover(option)))
            for option in self.probe.options
        ]

    @property
    def options_matter(self) -> bool:
        """Whether an option has an error, or is not as by default."""
        kept = self.stored is not None and self.stored.probe == self.probe.kind
        return any(field.errors for _option, field, _remover in self.option_fields()) or bool(
            kept and self.stored and self.stored.options
        )

    def validate_target(self, field: StringField) -> None:
        try:
            services.clean_target(
                current_user, field.data or "", self.stored.target if self.stored else None
            )
        except InvalidInputError as error:
            raise ValidationError(error.message) from None

    def validate_interval(self, field: DurationField) -> None:
        interval = field.seconds(MIN_INTERVAL, MAX_INTERVAL)
        try:
            timeout = self._timeout() or server_settings().service_timeout_seconds
        except ValidationError:
            return  # told beside the timeout
        if timeout >= interval:
            raise ValidationError(
                gettext(
                    "It must be longer than the time limit, which is %(timeout)s.",
                    timeout=format_duration(timeout),
                )
            )

    def validate_timeout(self, _field: DurationField) -> None:
        self._timeout()

    def validate_threshold(self, _field: StringField) -> None:
        self._threshold()

    def values(self) -> ServiceValues:
        """What was filled in, once it is valid."""
        options = self.option_fields()
        return ServiceValues(
            target=self.target.data or "",
            name=self.name.data or "",
            description=self.description.data or "",
            tags=self.tags.tags,
            environment=self.environment.data or "",
            interval=self.interval.seconds(MIN_INTERVAL, MAX_INTERVAL),
            timeout=self._timeout(),
            threshold=self._threshold(),
            options={option.name: _text(option, field) for option, field, _remover in options},
            removed=frozenset(
                option.name for option, _field, remover in options if remover and remover.data
            ),
            channel_ids=self.channels.data or [],
        )

    def _timeout(self) -> int | None:
        if not (self.timeout.data or "").strip():
            return None
        return self.timeout.seconds(MIN_TIMEOUT, MAX_TIMEOUT)

    def _threshold(self) -> int | None:
        text = self.threshold.data or ""
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MAX_THRESHOLD):
            raise ValidationError(gettext("Enter a number from 1 to %(n)s.", n=MAX_THRESHOLD))
        return int(text)


class ServiceChannelsForm(Form):
    """For a service that is managed elsewhere."""

    channels = CheckboxesField(_("Alert these channels"), coerce=int)

    def offer(self, channels: list[Channel], service: Service) -> None:
        self.channels.choices = {str(channel.id): channel.name for channel in channels}
        if not self.is_submitted():
            self.channels.data = [channel.id for channel in service.channels]


def service_form(service: Service | None = None) -> ServiceForm:
    """The form that adds a service, or edits one, with the options of the kind that is asked for.

    It never holds a secret's value. The address decides the kind; until there is one, `kind` does.
    """
    probe = _probe_asked_for(service)
    kept = service is not None and service.probe == probe.kind
    stored = service.options if service and kept else {}
    members: dict[str, Any] = {"probe": probe, "stored": service}
    for option in probe.options:
        members[option.name] = _option_field(option, stored)
        if option.secret and option.kind != "headers" and stored.get(option.name):
            members[_remover(option)] = BooleanField(_("Remove what is stored"))
    form_class: type[ServiceForm] = type("ServiceForm", (ServiceForm,), members)
    options = {option.name: _initial(option, stored) for option in probe.options}
    form = form_class(data=options | _initial_of_all(service))
    form.filled_in = form.kind.data == probe.kind
    form.kind.data = probe.kind
    if not form.filled_in:
        for name, value in options.items():
            form[name].process(None, value)
    _tell_defaults(form)
    return form


def interval_presets() -> list[dict[str, str]]:
    """The common intervals, each with what its button fills in."""
    return [{"label": text, "fill": json.dumps({"interval": text})} for text in INTERVALS]


def _initial(option: Option, stored: Mapping[str, Any]) -> str | bool:
    text = services.shown(option, stored)
    return text == "true" if option.kind == "flag" else text


def _initial_of_all(service: Service | None) -> dict[str, Any]:
    """What the fields hold that all kinds have; the page's address may bring a target along."""
    if service is None:
        return {"target": request.args.get("target", "")}
    names = ("target", "name", "description", "tags", "environment", "interval", "timeout")
    return {name: getattr(service, name) for name in names} | {
        "target": masked_target(service.target),
        "threshold": str(service.threshold or ""),
    }


def _tell_defaults(form: ServiceForm) -> None:
    """Say what counts where a field is left empty."""
    usual = server_settings()
    for field, text in (
        (form.target, form.probe.example),
        (form.timeout, format_duration(usual.service_timeout_seconds)),
        (form.threshold, str(usual.status_change_threshold)),
    ):
        field.render_kw = {**(field.render_kw or {}), "placeholder": text}
    if usual.loop_interval_seconds > MIN_INTERVAL:
        form.interval.description = gettext(
            "Such as 30s or 5m. This server checks nothing more often than every %(least)s.",
            least=format_duration(usual.loop_interval_seconds),
        )


def _probe_asked_for(service: Service | None) -> Probe:
    values = request.form if request.method == "POST" else request.args
    offered = {probe.kind: probe for probe in services.offered_kinds(current_user)}
    return (
        probes.probe_for(with_scheme(values.get("target", "").strip()))
        or offered.get(values.get("kind", ""))
        or (probes.registered().get(service.probe) if service else None)
        or next(iter(offered.values()))
    )


def _remover(option: Option) -> str:
    return f"remove_{option.name}"


def _text(option: Option, field: Any) -> str:
    """What was filled in. A flag that is not set says nothing, unless it is set by default."""
    if option.kind != "flag":
        return field.data or ""
    return "true" if field.data else "false" if option.default else ""


def _option_field(option: Option, stored: dict[str, Any]) -> Any:
    kwargs: dict[str, Any] = {
        "label": option.label,
        "description": option.help,
        "validators": [_checker(option, str(stored.get(option.name, "")))],
    }
    if option.kind == "flag":
        return BooleanField(**kwargs)
    if option.kind == "choice":
        offered = dict.fromkeys((*option.choices, option.default))
        kwargs["choices"] = {value: value or "–" for value in offered}
        return SelectField(**kwargs)
    kwargs["render_kw"] = {
        "placeholder": option.placeholder,
        "autocomplete": "off",
        "spellcheck": "false",
        "autocapitalize": "none",
    }
    if option.kind in {"headers", "lines"}:
        kwargs["render_kw"]["rows"] = 3
        return TextAreaField(**kwargs)
    if option.secret:
        # Not "off", which browsers disregard: a saved password must not end up in a probe.
        kwargs["render_kw"]["autocomplete"] = "new-password"
        if stored.get(option.name):
            kwargs["render_kw"]["placeholder"] = MASK
            kept = gettext("It is stored: leave this empty to keep it.")
            kwargs["description"] = f"{option.help} {kept}".strip()
        return PasswordField(**kwargs)
    if option.kind == "number":
        kwargs["render_kw"]["inputmode"] = "numeric"
    return StringField(**kwargs)


def _checker(option: Option, stored: str) -> Callable[[ServiceForm, Any], None]:
    """Judge the field as the service will, so that all errors are shown at once."""

    def check(form: ServiceForm, control: Any) -> None:
        if not form.filled_in:
            return
        remover = form._fields.get(_remover(option))
        before = "" if remover and remover.data else stored
        try:
            option.clean(services.merged(option, _text(option, control), before))
        except (InvalidTargetError, ValueError) as error:
            raise ValidationError(str(error)) from error

    return check
