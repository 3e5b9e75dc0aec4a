"""What all forms have."""

from __future__ import annotations

import contextlib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flask import request
from flask_wtf import FlaskForm
from werkzeug.datastructures import CombinedMultiDict
from wtforms import HiddenField, PasswordField, StringField

from sentinelweb import i18n
from sentinelweb.i18n import gettext as _
from sentinelweb.i18n import lazy_gettext
from sentinelweb.services.errors import InvalidInputError


class _OwnWords:
    """What WTForms says by itself, in words and languages of ours."""

    _SENTENCES = {
        "Not a valid choice.": lazy_gettext("Choose from the list."),
        "Invalid Choice: could not coerce.": lazy_gettext("Choose from the list."),
        "Invalid choice(s): one or more data inputs could not be coerced.": lazy_gettext(
            "Choose from the list."
        ),
        "'%(value)s' are not valid choices for this field.": lazy_gettext("Choose from the list."),
    }

    def gettext(self, text: str) -> str:
        return str(self._SENTENCES.get(text) or i18n.gettext(text))

    def ngettext(self, _one: str, many: str, _n: int) -> str:
        return self.gettext(many)


class Form(FlaskForm):
    """A form that can say why a service did not take what it holds."""

    class Meta(FlaskForm.Meta):
        def wrap_formdata(self, form: FlaskForm, formdata: Any) -> Any:
            """Without files: nobody asks for one, and a field takes it for a text."""
            wrapped = super().wrap_formdata(form, formdata)
            return request.form if isinstance(wrapped, CombinedMultiDict) else wrapped

        def get_translations(self, _form: FlaskForm) -> _OwnWords:
            return _OwnWords()

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        """Refuse texts with characters that PostgreSQL cannot store or nobody can see.

        They are taken out, because a page cannot show them again either. Passwords are neither
        stored nor shown.
        """
        refused = []
        for field in self:
            if isinstance(field, StringField) and not isinstance(field, PasswordField):
                printable = "".join(filter(_is_printable, field.data or ""))
                if printable != (field.data or ""):
                    field.data = printable
                    refused.append(field)
        valid = super().validate(extra_validators)
        for field in refused:
            field.errors = [*field.errors, _("Remove the control characters.")]
        return valid and all(isinstance(field, HiddenField) for field in refused)

    @contextlib.contextmanager
    def showing_refusals(self) -> Iterator[None]:
        """Show an InvalidInputError beside its field, or above the form if it is of no field."""
        try:
            yield
        except InvalidInputError as error:
            field = self._fields.get(error.field)
            if field is None:
                self.form_errors.append(error.message)
            else:
                field.errors = [*field.errors, error.message]


def _is_printable(character: str) -> bool:
    return character in "\r\n\t" or unicodedata.category(character) not in {"Cc", "Cs"}
