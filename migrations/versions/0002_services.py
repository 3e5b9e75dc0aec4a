"""Services, hosts, their cycles and results, and the sums of these."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rollup_marks",
        sa.Column("source", sa.String(length=30), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("upto_id", sa.BigInteger(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_rollup_marks")),
    )
    op.create_table(
        "team_rollups",
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("resolution", sa.Integer(), nullable=False),
        sa.Column("bucket_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("healthy", sa.Integer(), nullable=False),
        sa.Column("down", sa.Integer(), nullable=False),
        sa.Column("error", sa.Integer(), nullable=False),
        sa.Column("timeout", sa.Integer(), nullable=False),
        sa.Column("unknown", sa.Integer(), nullable=False),
        sa.Column("latency_count", sa.Integer(), nullable=False),
        sa.Column("latency_sum", sa.Double(), nullable=False),
        sa.Column("latency_min", sa.Double(), nullable=True),
        sa.Column("latency_max", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name=op.f("fk_team_rollups_team_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(
            "team_id", "resolution", "bucket_at", "host_id", name=op.f("pk_team_rollups")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "hosts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("is_local", sa.Boolean(), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=True),
        sa.Column("key_hint", sa.String(length=12), nullable=False),
        sa.Column("silent_after", sa.Integer(), nullable=False),
        sa.Column("last_report_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("overdue_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("agent", sa.String(length=100), nullable=False),
        sa.Column("relay_code", sa.Integer(), nullable=True),
        sa.Column("relay_next_code", sa.Integer(), nullable=True),
        sa.Column("relay_next_count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["id"], ["monitors.id"], name=op.f("fk_hosts_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hosts")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_hosts_key_hash")),
    )
    op.create_index(
        "ix_hosts_overdue_at",
        "hosts",
        ["overdue_at"],
        unique=False,
        sqlite_where=sa.text("overdue_at IS NOT NULL"),
        postgresql_where=sa.text("overdue_at IS NOT NULL"),
    )
    op.create_table(
        "host_rollups",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("resolution", sa.Integer(), nullable=False),
        sa.Column("bucket_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cycles", sa.Integer(), nullable=False),
        sa.Column("cpu_count", sa.Integer(), nullable=False),
        sa.Column("cpu_sum", sa.Double(), nullable=False),
        sa.Column("cpu_max", sa.Double(), nullable=True),
        sa.Column("ram_count", sa.Integer(), nullable=False),
        sa.Column("ram_sum", sa.Double(), nullable=False),
        sa.Column("ram_max", sa.Double(), nullable=True),
        sa.Column("disk_count", sa.Integer(), nullable=False),
        sa.Column("disk_sum", sa.Double(), nullable=False),
        sa.Column("disk_max", sa.Double(), nullable=True),
        sa.Column("internet_known", sa.Integer(), nullable=False),
        sa.Column("internet_ok", sa.Integer(), nullable=False),
        sa.Column("ping_count", sa.Integer(), nullable=False),
        sa.Column("ping_sum", sa.Double(), nullable=False),
        sa.Column("ping_min", sa.Double(), nullable=True),
        sa.Column("ping_max", sa.Double(), nullable=True),
        sa.Column("duration_count", sa.Integer(), nullable=False),
        sa.Column("duration_sum", sa.Double(), nullable=False),
        sa.Column("duration_min", sa.Double(), nullable=True),
        sa.Column("duration_max", sa.Double(), nullable=True),
        sa.Column("container_max", sa.Integer(), nullable=True),
        sa.Column("relay_200", sa.Integer(), nullable=False),
        sa.Column("relay_220", sa.Integer(), nullable=False),
        sa.Column("relay_221", sa.Integer(), nullable=False),
        sa.Column("relay_500", sa.Integer(), nullable=False),
        sa.Column("relay_other", sa.Integer(), nullable=False),
        sa.Column("relay_none", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["host_id"], ["hosts.id"], name=op.f("fk_host_rollups_host_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("host_id", "resolution", "bucket_at", name=op.f("pk_host_rollups")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "monitoring_cycles",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cpu_percent", sa.Double(), nullable=True),
        sa.Column("ram_percent", sa.Double(), nullable=True),
        sa.Column("ram_used_mb", sa.Double(), nullable=True),
        sa.Column("disk_percent", sa.Double(), nullable=True),
        sa.Column("uptime_seconds", sa.Double(), nullable=True),
        sa.Column("container_count", sa.Integer(), nullable=True),
        sa.Column("internet_status", sa.Boolean(), nullable=True),
        sa.Column("ping_ms", sa.Double(), nullable=True),
        sa.Column("worker_status", sa.Integer(), nullable=True),
        sa.Column("cycle_duration_ms", sa.Integer(), nullable=True),
        sa.Column("services_due", sa.Integer(), nullable=False),
        sa.Column("services_late", sa.Integer(), nullable=False),
        sa.Column("batches_left", sa.Integer(), nullable=False),
        sa.Column("summed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["host_id"], ["hosts.id"], name=op.f("fk_monitoring_cycles_host_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_monitoring_cycles")),
    )
    op.create_index(
        "ix_monitoring_cycles_host_id_created_at",
        "monitoring_cycles",
        ["host_id", "created_at"],
        unique=False,
    )
    op.create_index(
        "ix_monitoring_cycles_unsummed",
        "monitoring_cycles",
        ["created_at"],
        unique=False,
        sqlite_where=sa.text("summed = 0"),
        postgresql_where=sa.text("NOT summed"),
    )
    op.create_table(
        "services",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("host_id", sa.Integer(), nullable=True),
        sa.Column("reported_as", sa.String(length=200), nullable=True),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("probe", sa.String(length=10), nullable=False),
        sa.Column(
            "options", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("interval", sa.Integer(), nullable=False),
        sa.Column("timeout", sa.Integer(), nullable=True),
        sa.Column("threshold", sa.Integer(), nullable=True),
        sa.Column("from_environment", sa.Boolean(), nullable=False),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_result", sa.String(length=10), nullable=True),
        sa.Column("last_latency_ms", sa.Double(), nullable=True),
        sa.Column("last_status_code", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.String(length=300), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("recent", sa.String(length=40), nullable=False),
        sa.Column("certificate_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.id"], name=op.f("fk_services_host_id")),
        sa.ForeignKeyConstraint(
            ["id"], ["monitors.id"], name=op.f("fk_services_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_services")),
        sa.UniqueConstraint("host_id", "reported_as", name=op.f("uq_services_host_id_reported_as")),
    )
    op.create_index(
        "ix_services_claimed_at",
        "services",
        ["claimed_at"],
        unique=False,
        sqlite_where=sa.text("claimed_at IS NOT NULL"),
        postgresql_where=sa.text("claimed_at IS NOT NULL"),
    )
    op.create_index(
        "ix_services_next_check_at",
        "services",
        ["next_check_at"],
        unique=False,
        sqlite_where=sa.text("next_check_at IS NOT NULL"),
        postgresql_where=sa.text("next_check_at IS NOT NULL"),
    )
    op.create_index(
        "ix_services_failures",
        "services",
        ["failures"],
        unique=False,
        sqlite_where=sa.text("failures > 0"),
        postgresql_where=sa.text("failures > 0"),
    )
    op.create_table(
        "service_checks",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("cycle_id", sa.String(length=36), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("latency_ms", sa.Double(), nullable=True),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("error_message", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(
            ["service_id"],
            ["services.id"],
            name=op.f("fk_service_checks_service_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_checks")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_service_checks_service_id_created_at",
        "service_checks",
        ["service_id", "created_at"],
        unique=False,
    )
    op.create_table(
        "service_rollups",
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("resolution", sa.Integer(), nullable=False),
        sa.Column("bucket_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("healthy", sa.Integer(), nullable=False),
        sa.Column("down", sa.Integer(), nullable=False),
        sa.Column("error", sa.Integer(), nullable=False),
        sa.Column("timeout", sa.Integer(), nullable=False),
        sa.Column("unknown", sa.Integer(), nullable=False),
        sa.Column("latency_count", sa.Integer(), nullable=False),
        sa.Column("latency_sum", sa.Double(), nullable=False),
        sa.Column("latency_min", sa.Double(), nullable=True),
        sa.Column("latency_max", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["service_id"],
            ["services.id"],
            name=op.f("fk_service_rollups_service_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "service_id", "resolution", "bucket_at", name=op.f("pk_service_rollups")
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_monitors_latest",
        "monitors",
        ["team_id", "kind", "status", "status_since"],
        unique=False,
    )
    op.create_index(
        "ix_monitors_team_id_kind_updated_at",
        "monitors",
        ["team_id", "kind", "updated_at"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index("ix_monitors_team_id_kind_updated_at", table_name="monitors")
    op.drop_index(
        "ix_monitors_latest",
        table_name="monitors",
    )
    op.drop_table("service_rollups")
    op.drop_index(
        "ix_service_checks_service_id_created_at",
        table_name="service_checks",
    )
    op.drop_table("service_checks")
    op.drop_index(
        "ix_services_next_check_at",
        table_name="services",
        sqlite_where=sa.text("next_check_at IS NOT NULL"),
        postgresql_where=sa.text("next_check_at IS NOT NULL"),
    )
    op.drop_index(
        "ix_services_failures",
        table_name="services",
        sqlite_where=sa.text("failures > 0"),
        postgresql_where=sa.text("failures > 0"),
    )
    op.drop_index(
        "ix_services_claimed_at",
        table_name="services",
        sqlite_where=sa.text("claimed_at IS NOT NULL"),
        postgresql_where=sa.text("claimed_at IS NOT NULL"),
    )
    op.drop_table("services")
    op.drop_index(
        "ix_monitoring_cycles_unsummed",
        table_name="monitoring_cycles",
        sqlite_where=sa.text("summed = 0"),
        postgresql_where=sa.text("NOT summed"),
    )
    op.drop_index(
        "ix_monitoring_cycles_host_id_created_at",
        table_name="monitoring_cycles",
    )
    op.drop_table("monitoring_cycles")
    op.drop_table("host_rollups")
    op.drop_index(
        "ix_hosts_overdue_at",
        table_name="hosts",
        sqlite_where=sa.text("overdue_at IS NOT NULL"),
        postgresql_where=sa.text("overdue_at IS NOT NULL"),
    )
    op.drop_table("hosts")
    op.drop_table("team_rollups")
    op.drop_table("rollup_marks")
