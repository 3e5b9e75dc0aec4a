"""Lists in pages, by the ids of what belongs to a team."""

from sentinelweb.models import Channel
from sentinelweb.services import keyset
from tests.support.factories import make_channel


def pages(user, limit):
    after = 0
    while after is not None:
        page = keyset.owned(user, Channel, after=after, limit=limit)
        yield [row.id for row in page.rows]
        after = page.following


def test_pages_follow_one_another_and_the_last_says_so(user):
    ids = [make_channel(user).id for _number in range(4)]
    assert list(pages(user, 3)) == [ids[:3], ids[3:]]
    assert list(pages(user, 4)) == [ids]


def test_what_another_team_owns_is_on_none(user, other_user):
    make_channel(other_user)
    assert list(pages(user, 3)) == [[]]
