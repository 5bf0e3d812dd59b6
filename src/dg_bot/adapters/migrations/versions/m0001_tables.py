"""Create the tables of trades, orders, decisions, cycles, candles and news, and the reader's role."""

from dg_bot.adapters.migrations.sql_file import run_sql_beside

revision = "m0001_tables"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_beside(__file__)
