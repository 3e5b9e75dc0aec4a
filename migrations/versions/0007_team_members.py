"""Where what somebody makes goes, and invitations into a team."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("users") as batch_op:
        batch_op.add_column(sa.Column("home_team_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            op.f("fk_users_home_team_id"), "teams", ["home_team_id"], ["id"], ondelete="SET NULL"
        )
    with op.batch_alter_table("invitations") as batch_op:
        batch_op.add_column(sa.Column("team_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("role", sa.String(length=20), nullable=True))
        batch_op.create_foreign_key(
            op.f("fk_invitations_team_id"), "teams", ["team_id"], ["id"], ondelete="SET NULL"
        )


def downgrade() -> None:
    with op.batch_alter_table("invitations") as batch_op:
        batch_op.drop_constraint(op.f("fk_invitations_team_id"), type_="foreignkey")
        batch_op.drop_column("role")
        batch_op.drop_column("team_id")
    with op.batch_alter_table("users") as batch_op:
        batch_op.drop_constraint(op.f("fk_users_home_team_id"), type_="foreignkey")
        batch_op.drop_column("home_team_id")
