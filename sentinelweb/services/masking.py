"""Secrets among the headers that a form shows: their values are masked, and the mask keeps them."""

from __future__ import annotations

from sentinelweb.i18n import gettext as _

# Stands for a secret wherever one is shown. A header with it for its value keeps the stored value.
MASK = "••••••••"


def masked_headers(stored: str) -> str:
    return "\n".join(f"{name}: {MASK}" for name, _value in _pairs(stored))


def unmasked_headers(typed: str, stored: str) -> str:
    """The header lines with the stored values where the mask stands for them.

    Raise ValueError with a sentence where nothing is stored.
    """
    values = {name.lower(): value for name, value in _pairs(stored)}
    lines = []
    for line in typed.splitlines():
        name, _colon, value = line.partition(":")
        if value.strip() == MASK:
            if name.strip().lower() not in values:
                raise ValueError(_("Write the value of %(name)s.", name=name.strip()[:100]))
            lines.append(f"{name}: {values[name.strip().lower()]}")
        else:
            lines.append(line)
    return "\n".join(lines)


def _pairs(stored: str) -> list[tuple[str, str]]:
    parts = (line.partition(":") for line in stored.splitlines())
    return [(name.strip(), value.strip()) for name, _colon, value in parts]
