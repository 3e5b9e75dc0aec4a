"""Sessions that were logged out of."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ended_sessions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("session_id", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ended_sessions")),
    )
    op.create_index(
        op.f("ix_ended_sessions_session_id"), "ended_sessions", ["session_id"], unique=False
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_ended_sessions_session_id"), table_name="ended_sessions")
    op.drop_table("ended_sessions")
