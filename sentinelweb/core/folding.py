"""Texts as people search them: without case and accents, the same on every database.

SQLite knows the small letters of ASCII alone, and so does PostgreSQL in the locale C.
"""

from __future__ import annotations

import unicodedata


def fold(text: str) -> str:
    """`text` in letters that are small and bare: `GRÖSSE`, `Größe` and `grosse` are one."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(char for char in folded if not unicodedata.combining(char))
