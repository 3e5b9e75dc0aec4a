"""For programs that are watched: register, beat, say how it ended.

    from sentinelweb.client import watched

    with watched("Nightly import") as process:
        process.tell(progress=40, message="Row 4,000")

Needs the standard library and `requests` alone. Nothing here ever makes the program fail because
SentinelWeb cannot be reached, nor holds it up for longer than a few seconds at its end.
"""

from sentinelweb.client.watch import Watch, watched

__all__ = ["Watch", "watched"]
