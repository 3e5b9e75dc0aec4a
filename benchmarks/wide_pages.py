"""The pages, with the 200 rows on a page of the list that the target speaks of."""

from __future__ import annotations

from sentinelweb import create_app
from sentinelweb.services import heartbeat_list

heartbeat_list.PAGE_SIZE = 200
app = create_app()
