"""For a container's health check: `healthcheck.py`, or `healthcheck.py PART` for a part of /ready.

Status 0 if SentinelWeb at HEALTH_URL (this machine's PORT when unset) answers, and PART is well.
"""

import json
import os
import sys
import urllib.error
import urllib.request

SECONDS = 5


def main() -> int:
    url = os.environ.get("HEALTH_URL") or f"http://127.0.0.1:{os.environ.get('PORT') or 8000}"
    part = sys.argv[1] if len(sys.argv) > 1 else None
    try:
        answer = get(f"{url}/ready" if part else f"{url}/health")
        return 0 if part is None or answer["parts"][part]["ok"] else 1
    except (OSError, ValueError, LookupError) as error:
        print(error, file=sys.stderr)
        return 1


def get(url: str) -> dict:
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as response:  # noqa: S310 - the operator's
            return json.load(response)
    except urllib.error.HTTPError as error:
        if error.code != 503:  # which is how /ready says that some part is not well
            raise
        return json.load(error)


if __name__ == "__main__":
    sys.exit(main())
