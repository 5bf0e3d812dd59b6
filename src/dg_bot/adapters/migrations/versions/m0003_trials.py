"""Create the tables of studies and of their trials."""

from dg_bot.adapters.migrations.sql_file import run_sql_beside

revision = "m0003_trials"
down_revision = "m0002_capsules"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_beside(__file__)
