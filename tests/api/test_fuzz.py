"""A schema-driven fuzzer against a running server: nothing that the description allows, and nothing
that it does not, makes it fail or answer what it does not describe.
"""

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.support.stack import ROOT, Stack, clean_environment, wait_until

SECONDS = 30  # of fuzzing, on each database
KEY = "the token of the administrator"
# Nothing probes or sends: the fuzzer makes up addresses.
PROCFILE = "release: flask release\nweb: python -m sentinelweb.runtime.web\n"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "use_after_free",
    "ensure_resource_availability",
)
# Something of each kind, for the fuzzer to find.
MADE = [
    *(("monitors", {"kind": "heartbeat", "name": "Nightly", "alias": f"n-{n}"}) for n in range(3)),
    ("monitors", {"kind": "service", "target": "http://127.0.0.1:9/"}),
    ("monitors", {"kind": "host", "name": "web-1"}),
    (
        "channels",
        {"kind": "webhook", "name": "On-call", "settings": {"url": "http://127.0.0.1:9/"}},
    ),
    ("status-pages", {"title": "Example", "monitors": [{"monitor_id": 1}]}),
]


@contextmanager
def running(directory: Path, database_url: str):
    """The address of a server with some things on it."""
    stack = Stack(
        directory,
        PROCFILE,
        database_url=database_url,
        admin_token=KEY,
        admin_email="admin@example.com",
        admin_password="correct horse battery staple",
    )
    for name in ("wsgi.py", "gunicorn.conf.py", "migrations"):
        (stack.directory / name).symlink_to(ROOT / name)
    with stack:
        wait_until(lambda: stack.get("/api/openapi.json")[0] == 200, 60, "the pages")
        address = f"http://127.0.0.1:{stack.port}"
        for path, body in MADE:
            answer = requests.post(
                f"{address}/api/v1/{path}",
                json=body,
                headers={"Authorization": f"Bearer {KEY}"},
                timeout=30,
            )
            assert answer.status_code == 201, answer.text
        yield address


def test_no_operation_fails(tmp_path, database_url):
    with running(tmp_path, database_url) as address:
        fuzzer = subprocess.run(
            [
                Path(sys.executable).with_name("schemathesis"),
                "run",
                f"{address}/api/openapi.json",
                f"--max-time={SECONDS}",
                f"--header=Authorization: Bearer {KEY}",
                f"--checks={','.join(CHECKS)}",
                "--exclude-path=/ready",  # it tells that nobody probes or sends here
                "--workers=2",
                "--request-timeout=60",
                "--suppress-health-check=all",
                "--generation-database=none",
                "--seed=1",
                "--warnings=off",
                "--no-color",
            ],
            cwd=tmp_path,
            env=clean_environment(),
            capture_output=True,
            text=True,
        )
    assert fuzzer.returncode == 0, fuzzer.stdout + fuzzer.stderr
