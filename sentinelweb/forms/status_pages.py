"""What a person fills in about a status page and the monitors on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from wtforms import (
    BooleanField,
    FieldList,
    FormField,
    IntegerField,
    RadioField,
    StringField,
    TextAreaField,
)
from wtforms import Form as PlainForm
from wtforms.validators import DataRequired, Length, NumberRange
from wtforms.widgets import HiddenInput

from sentinelweb.forms.base import Form
from sentinelweb.forms.fields import CheckboxesField, stripped
from sentinelweb.i18n import gettext
from sentinelweb.i18n import lazy_gettext as _
from sentinelweb.models import Monitor, StatusPage, Visibility
from sentinelweb.services.status_pages import MAX_ITEMS, MAX_SLUG, ItemValues, PageValues, slug_of

MAX_TITLE = 200
MAX_DESCRIPTION = 2_000
MAX_SECTION = 100


class PageForm(Form):
    title = StringField(
        _("Title"),
        [DataRequired(_("Give it a title.")), Length(max=MAX_TITLE, message=_("Too long."))],
        filters=[stripped],
        render_kw={"placeholder": _("Status of Example"), "autocomplete": "off"},
    )
    slug = StringField(
        _("Address"),
        [Length(max=MAX_SLUG, message=_("Too long."))],
        filters=[stripped],
        description=_(
            "What comes after /status/: small letters, digits and hyphens. Empty, it follows from "
            "the title."
        ),
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"},
    )
    description = TextAreaField(
        _("Description"),
        [Length(max=MAX_DESCRIPTION, message=_("Too long."))],
        filters=[stripped],
        description=_("A few words for strangers, below the title."),
        render_kw={"rows": 3},
    )
    visibility = RadioField(
        _("Who may see it"),
        default=Visibility.PUBLIC.value,
    )
    is_first = BooleanField(
        _("Show it at /status too"),
        description=_("The first page of this server. One page can be it, and it must be public."),
    )
    with_all_monitors = BooleanField(
        _("Begin with all monitors that there are"),
        description=_("You choose afterwards what is shown of each, and may take any of them off."),
    )

    def offer(self, *, may_choose_first: bool, is_new: bool) -> None:
        """Fill in what can be chosen, and leave out what cannot."""
        self.visibility.choices = {
            Visibility.PUBLIC.value: gettext("Public: everybody, search engines too"),
            Visibility.UNLISTED.value: gettext("Unlisted: whoever has the address"),
            Visibility.OFF.value: gettext("Off: nobody"),
        }
        if not may_choose_first:
            del self.is_first
        if not is_new:
            del self.with_all_monitors

    def values(self, page: StatusPage | None = None) -> PageValues:
        """What was filled in; an address that was left empty follows from the title."""
        title = self.title.data or ""
        first = self._fields.get("is_first")
        return PageValues(
            title=title,
            slug=self.slug.data or slug_of(title) or "page",
            description=self.description.data or "",
            visibility=self.visibility.data,
            is_first=first.data if first else bool(page and page.is_first),
        )


def _visible(value: str | None) -> str:
    """A NUL cannot be stored, and other control characters cannot be seen."""
    return "".join(filter(str.isprintable, value or "")).strip()


class PlaceField(IntegerField):
    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(gettext("Write a number from 1 on.")) from None


class ItemForm(PlainForm):
    monitor_id = IntegerField(widget=HiddenInput(), validators=[DataRequired()])
    number = PlaceField(
        _("Place"),
        [NumberRange(1, 10_000, _("Write a number from 1 on."))],
        render_kw={"inputmode": "numeric", "min": 1},
    )
    section = StringField(
        _("Section"),
        [Length(max=MAX_SECTION, message=_("Too long."))],
        filters=[_visible],
        render_kw={"list": "sections", "autocomplete": "off"},
    )
    label = StringField(
        _("Name for strangers"),
        [Length(max=MAX_TITLE, message=_("Too long."))],
        filters=[_visible],
        render_kw={"autocomplete": "off"},
    )
    shows_last_ping = BooleanField(_("Last ping"))
    shows_interval = BooleanField(_("Interval"))
    shows_latency = BooleanField(_("Latency"))
    shows_tags = BooleanField(_("Tags and environment"))
    shows_alias = BooleanField(_("Alias"))
    is_taken_off = BooleanField(_("Take off"))

    def flags(self) -> list[Any]:
        """The fields that say what strangers may see."""
        return [field for field in self if field.short_name.startswith("shows_")]

    def values(self) -> ItemValues:
        return ItemValues(
            self.monitor_id.data or 0,
            self.number.data or 1,
            self.section.data or "",
            self.label.data or "",
            **{field.short_name: field.data for field in self.flags()},
        )


class ItemsForm(Form):
    """The monitors on a page."""

    items = FieldList(FormField(ItemForm), max_entries=MAX_ITEMS)

    @classmethod
    def of(cls, values: Sequence[ItemValues]) -> ItemsForm:
        return cls(formdata=None, data={"items": [asdict(item) for item in values]})

    def values(self) -> list[ItemValues]:
        return [entry.form.values() for entry in self.items]

    def taken_off(self) -> set[int]:
        return {
            entry.form.monitor_id.data or 0 for entry in self.items if entry.form.is_taken_off.data
        }


class AddMonitorsForm(Form):
    monitors = CheckboxesField(
        _("Monitors"),
        coerce=int,
        validate_choice=False,  # the search may have found others; the service knows whose they are
    )
    section = StringField(
        _("Section"),
        [Length(max=MAX_SECTION, message=_("Too long."))],
        filters=[stripped],
        description=_("Monitors of one section stand together, below its name."),
        render_kw={"list": "sections", "placeholder": _("Website"), "autocomplete": "off"},
    )

    def offer(self, monitors: Sequence[Monitor]) -> None:
        self.monitors.choices = {str(monitor.id): monitor.name for monitor in monitors}
