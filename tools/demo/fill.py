"""A month of history, made once, in a database that nobody else knows."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import flask_migrate
import sqlalchemy as sa

from config import Settings
from sentinelweb import clock, create_app
from sentinelweb.db import db, writing
from sentinelweb.models import Channel, Monitor, ServiceCheck, User
from sentinelweb.services import (
    accounts,
    api_keys,
    counts,
    hosts,
    rollups,
    scoping,
    status_pages,
)
from sentinelweb.services.accounts import Newcomer
from sentinelweb.services.status_pages import PageValues
from tools.demo import jobs, machines, processes, services
from tools.demo.scene import Scene

EMAIL = "demo@example.com"
# What customers see, section by section.
SHOWN = {
    "For customers": ("Shop", "Website", "Search"),
    "Behind the scenes": ("Shop API", "Mail relay", "Order queue consumer", "Nightly backup"),
}


def fill(
    settings: Settings, migrations: str, mock_url: str, ports: Sequence[int]
) -> dict[str, Any]:
    """Make the database of `settings`; return what the demo has to know of it later."""
    app = create_app(settings)
    with app.app_context():
        flask_migrate.upgrade(migrations)
        password = secrets.token_urlsafe(9)
        key = hosts.KEY_PREFIX + secrets.token_urlsafe(hosts.KEY_BYTES)
        user = accounts.create_first_administrator(Newcomer(EMAIL, password, name="Demo"))
        with writing() as session:
            channels = _make_channels(session, scoping.home_team(user), mock_url)
            scene = Scene(session, clock.now(), scoping.home_team(user), channels, mock_url)
            alive = _make_everything(scene, ports, key)
            scene.write()
        _make_status_page(user)
        _key, api_key = api_keys.create(user, name="Programs", can_write=True)
        counts.recount()
        rollups.run()
        _forget_single_results(scene)
        db.session.remove()
        db.engine.dispose()
    return {
        "email": EMAIL,
        "password": password,
        "agent_key": key,
        "api_key": api_key,
        **alive,
        "made_at": scene.now.timestamp(),
    }


def _make_channels(session: Any, team_id: int, mock_url: str) -> list[Channel]:
    now = clock.now()
    webhook = {"url": f"{mock_url}/alerts", "method": "POST", "headers": "", "secret": ""}
    channel = Channel(
        team_id=team_id,
        kind="webhook",
        name="On-call",
        settings=webhook,
        created_at=now - timedelta(days=31),
        updated_at=now - timedelta(days=31),
    )
    session.add(channel)
    session.flush()
    return [channel]


def _make_everything(
    scene: Scene, ports: Sequence[int], key: str
) -> dict[str, list[dict[str, Any]]]:
    """Everything but changes and messages; return the jobs and processes that go on."""
    local = machines.make_local(scene)
    remote = machines.make_remote(scene, key)
    silent = machines.make_silent(scene)
    stories = {}
    for host, told in (
        (None, services.of_mock(scene.mock_url, ports)),
        (remote, services.OF_AGENT),
    ):
        for story in told:
            service = services.make(scene, story, host)
            stories[service.id] = service, story
    of_agent = machines.Machine(30, len(services.OF_AGENT), 31, 61, 67, 15_800)
    machines.befall(scene, local, machines.this_machine(len(stories) - len(services.OF_AGENT)))
    machines.befall(scene, remote, of_agent)
    machines.befall(scene, silent, machines.Machine(60, 0, 52, 48, 88, 31_700))
    services.befall(scene, stories)
    made = [(job, jobs.make(scene, job)) for job in jobs.JOBS]
    return {
        "jobs": [
            {"slug": row.slug, "period": job.period, "cron": job.cron, "minutes": job.minutes}
            for job, row in made
            if job.alive
        ],
        "processes": processes.make(scene),
    }


def _make_status_page(user: User) -> None:
    values = PageValues("Shop status", "shop", "How the shop is doing.", is_first=True)
    page = status_pages.create(user, values)
    ids = {row.name: row.id for row in db.session.execute(sa.select(Monitor.name, Monitor.id))}
    for section, names in SHOWN.items():
        status_pages.add_monitors(user, page.id, [ids[name] for name in names], section)


def _forget_single_results(scene: Scene) -> None:
    """Results that would have been pruned long ago; their sums stay."""
    with writing() as session:
        old = ServiceCheck.created_at < scene.now - services.SINGLE_RESULTS
        session.execute(sa.delete(ServiceCheck).where(old))
