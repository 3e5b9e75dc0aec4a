"""The tables, one noun a file."""

from sentinelweb.models.api_key import ApiKey
from sentinelweb.models.channel import Channel, monitor_channels
from sentinelweb.models.component import Component
from sentinelweb.models.delivery import Delivery, DeliveryAttempt, DeliveryState
from sentinelweb.models.ended_session import EndedSession
from sentinelweb.models.heartbeat_check import HeartbeatCheck
from sentinelweb.models.host import Host
from sentinelweb.models.monitor import Monitor
from sentinelweb.models.monitor_count import MonitorCount
from sentinelweb.models.monitoring_cycle import MonitoringCycle
from sentinelweb.models.outage import Outage, PagesOutage
from sentinelweb.models.ping import Ping
from sentinelweb.models.process import Process
from sentinelweb.models.rollup import HostRollup, RollupMark, ServiceRollup, TeamRollup
from sentinelweb.models.service import Service
from sentinelweb.models.service_check import ServiceCheck
from sentinelweb.models.status_change import StatusChange
from sentinelweb.models.status_page import StatusPage, StatusPageItem, Visibility
from sentinelweb.models.team import Membership, Role, Team
from sentinelweb.models.team_import import ImportState, TeamImport, UploadPart
from sentinelweb.models.user import Invitation, User

__all__ = [
    "ApiKey",
    "Channel",
    "Component",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryState",
    "EndedSession",
    "HeartbeatCheck",
    "Host",
    "HostRollup",
    "ImportState",
    "Invitation",
    "Membership",
    "Monitor",
    "MonitorCount",
    "MonitoringCycle",
    "Outage",
    "PagesOutage",
    "Ping",
    "Process",
    "Role",
    "RollupMark",
    "Service",
    "ServiceCheck",
    "ServiceRollup",
    "StatusChange",
    "StatusPage",
    "StatusPageItem",
    "Team",
    "TeamImport",
    "TeamRollup",
    "UploadPart",
    "User",
    "Visibility",
    "monitor_channels",
]
