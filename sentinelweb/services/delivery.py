"""The outbox carried out: due deliveries are leased, sent by many threads at once, and recorded.

A delivery is the promise, and nothing that happens here can break it: its row stays due until a
result is committed. A worker renews its leases while it lives. One that dies at any point gives
its deliveries back when they end, and they are sent again with the same id.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from queue import Empty, SimpleQueue

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError

from config import Settings
from sentinelweb import clock, i18n, notifiers
from sentinelweb.db import db, earliest, writing
from sentinelweb.i18n import gettext as _
from sentinelweb.models import Delivery
from sentinelweb.notifiers.base import (
    PermanentError,
    RetryLaterError,
    SendContext,
    SendError,
    TransientError,
)
from sentinelweb.outbound import OutboundError
from sentinelweb.services import outbox
from sentinelweb.services.outbox import Statistics
from sentinelweb.services.parcels import Batch, End, Parcel, Report, Result

THREADS = 32
CHANNELS_AT_ONCE = 2 * THREADS  # what each thread sends, and the next ready for it
RUN_SECONDS = 60.0
# A thread begins no message of a batch later than this after it was taken: a slow receiver with
# many messages must give it back to the others.
SENDING_SECONDS = 20.0
LOOK_SECONDS = 0.5  # between two looks for new work while messages are on their way
GATHER_SECONDS = 0.01  # results that arrive within it share a commit

log = structlog.get_logger(__name__)


def next_due() -> datetime | None:
    """The earliest moment at which some delivery can be taken: one read of an index."""
    return earliest(Delivery.__table__.c.due_at)


def run(settings: Settings) -> Statistics:
    """Send what is due, and what comes due meanwhile; begin nothing new after RUN_SECONDS.

    Any number of runs may go on at once. This thread alone touches the database: in each turn it
    records what the senders report and leases as much as they can take, in one transaction.
    """
    statistics = Statistics()
    reports: SimpleQueue[Report] = SimpleQueue()
    done: list[Report] = []
    under_way: list[Batch] = []
    stop_at = time.monotonic() + RUN_SECONDS
    with ThreadPoolExecutor(THREADS, thread_name_prefix="sender") as pool:
        while True:
            done += _gather(reports, LOOK_SECONDS if under_way else 0)
            ended = {id(item.batch) for item in done if isinstance(item, End)}
            held = [batch for batch in under_way if id(batch) not in ended]
            room = CHANNELS_AT_ONCE - len(held) if time.monotonic() < stop_at else 0
            try:
                leased = _turn(done, held, room, settings, statistics)
            except (OperationalError, InterfaceError, OSError) as error:
                # What was sent and is not recorded would be sent again: the database may be away
                # for no more than a moment.
                if not (under_way or done) or time.monotonic() > stop_at + RUN_SECONDS:
                    raise
                log.warning("results_wait_for_database", error=type(error).__name__)
                db.session.rollback()
                time.sleep(LOOK_SECONDS)
                continue
            done = []
            under_way = held + leased
            for batch in leased:
                pool.submit(_send_batch, batch, settings, reports.put)
            if not under_way:
                break
    if any(statistics.as_dict().values()):
        log.info("deliveries_sent", **statistics.as_dict())
    return statistics


def _gather(reports: SimpleQueue[Report], timeout: float) -> list[Report]:
    """The reports that are there; waits up to `timeout` seconds for the first."""
    items: list[Report] = []
    try:
        if timeout:
            items.append(reports.get(timeout=timeout))
            time.sleep(GATHER_SECONDS)
        while True:
            items.append(reports.get_nowait())
    except Empty:
        return items


def _turn(
    done: list[Report],
    held: list[Batch],
    room: int,
    settings: Settings,
    statistics: Statistics,
) -> list[Batch]:
    """Record `done`, renew the leases of `held`, and lease up to `room` batches."""
    renewing = _must_renew(held)
    if not done and not renewing:
        due = next_due() if room else None
        db.session.commit()  # not to hold an old snapshot while waiting
        if due is None or due > clock.now():
            return []
    with writing() as session:
        now = clock.now()
        recorded = outbox.record(session, done, now) if done else Statistics()
        # Before others are leased: what ran out while the database was away is still being sent.
        until = outbox.renew(session, held, now) if renewing else None
        leased = outbox.lease(session, room, now, settings) if room else []
    if until:
        for batch in held:
            batch.lease = until
    statistics.add(recorded)
    return leased


def _must_renew(held: list[Batch]) -> bool:
    last = outbox.LEASE - outbox.RENEW_AFTER
    return any(batch.lease - clock.now() < last for batch in held)


def _send_batch(batch: Batch, settings: Settings, report: Callable[[Report], None]) -> None:
    """Send a batch's parcels in their order, and stop at the first that must wait.

    Runs in a thread, without the database.
    """
    with i18n.reading_as(batch.reader):
        for parcel in batch.parcels:
            if time.monotonic() - batch.began > SENDING_SECONDS:
                break
            result = _send(batch, parcel, settings)
            report(result)
            if isinstance(result.error, TransientError | RetryLaterError):
                break
    report(End(batch))


def _send(batch: Batch, parcel: Parcel, settings: Settings) -> Result:
    at, began = clock.now(), time.monotonic()
    context = SendContext(settings)
    error = _failure(batch, parcel, context, at)
    duration = int(1_000 * (time.monotonic() - began))
    return Result(batch, parcel, at, duration, error, context.changed)


def _failure(batch: Batch, parcel: Parcel, context: SendContext, at: datetime) -> SendError | None:
    """Send `parcel`; return why that failed, None if it did not."""
    kind = batch.destination.kind
    notifier = notifiers.registered().get(kind)
    if notifier is None:
        return PermanentError(_("This version knows no channels of kind %(kind)s.", kind=kind))
    try:
        message = parcel.message(context.settings.local_url, at)
        notifier.send(message, batch.destination.settings, context)
    except SendError as error:
        return error
    except OutboundError as error:
        return TransientError(str(error))
    except Exception as error:  # noqa: BLE001 - a fault in one notifier must not stop the others
        # Where it happened, but not the exception's text, which may hold a secret.
        where = "".join(traceback.format_tb(error.__traceback__))
        name = type(error).__name__
        log.error("notifier_failed", kind=kind, error=name, where=where)  # noqa: TRY400 - as above
        return TransientError(_("The message could not be made (%(error)s).", error=name))
    return None
