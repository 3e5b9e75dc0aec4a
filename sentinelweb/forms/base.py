"""What all forms have."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from flask_wtf import FlaskForm

from sentinelweb.services.errors import InvalidInputError


class Form(FlaskForm):
    """A form that can say why a service did not take what it holds."""

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
