"""The tables, one noun a file."""

from sentinelweb.models.channel import Channel, monitor_channels
from sentinelweb.models.component import Component
from sentinelweb.models.delivery import Delivery, DeliveryAttempt, DeliveryState
from sentinelweb.models.heartbeat_check import HeartbeatCheck
from sentinelweb.models.monitor import Monitor
from sentinelweb.models.monitor_count import MonitorCount
from sentinelweb.models.outage import Outage
from sentinelweb.models.ping import Ping
from sentinelweb.models.status_change import StatusChange
from sentinelweb.models.team import Membership, Role, Team
from sentinelweb.models.user import Invitation, User

__all__ = [
    "Channel",
    "Component",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryState",
    "HeartbeatCheck",
    "Invitation",
    "Membership",
    "Monitor",
    "MonitorCount",
    "Outage",
    "Ping",
    "Role",
    "StatusChange",
    "Team",
    "User",
    "monitor_channels",
]
