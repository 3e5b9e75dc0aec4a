"""Ids that sort as time does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122

from hypothesis import given
from hypothesis import strategies as st

from sentinelweb.core.uids import CHANCE_BITS, time_ordered_uuid

moments = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=2_000_000)).map(
    lambda since: datetime(1970, 1, 1, tzinfo=UTC) + since
)
chances = st.integers(min_value=0, max_value=2**CHANCE_BITS - 1)


def test_it_is_the_uuid_of_the_standard() -> None:
    # RFC 9562, A.6: its random part, but for the bits that hold the microseconds here.
    moment = datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC)

    uid = time_ordered_uuid(moment, 0x18C4DC0C0C07398F)

    assert str(uid) == "017f22e2-79b0-7000-98c4-dc0c0c07398f"
    assert (uid.version, uid.variant) == (7, RFC_4122)


@given(moments, moments, chances, chances)
def test_the_later_one_is_the_greater_one(earlier, later, chance, other_chance) -> None:
    earlier, later = sorted((earlier, later))
    if earlier < later:
        ids = time_ordered_uuid(earlier, chance), time_ordered_uuid(later, other_chance)
        assert str(ids[0]) < str(ids[1])


@given(moments, chances, chances)
def test_those_of_one_moment_differ_by_chance(moment, chance, other_chance) -> None:
    same = time_ordered_uuid(moment, chance) == time_ordered_uuid(moment, other_chance)
    assert same == (chance == other_chance)
