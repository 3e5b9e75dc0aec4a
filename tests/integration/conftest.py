from __future__ import annotations

from tests.support.running import start_stack, telegram, visit, webhook

__all__ = ["start_stack", "telegram", "visit", "webhook"]
