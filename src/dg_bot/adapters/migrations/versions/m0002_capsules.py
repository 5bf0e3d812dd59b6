"""Let a cycle's row name the capsule that it can be computed again from."""

from dg_bot.adapters.migrations.sql_file import run_sql_beside

revision = "m0002_capsules"
down_revision = "m0001_tables"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_beside(__file__)
