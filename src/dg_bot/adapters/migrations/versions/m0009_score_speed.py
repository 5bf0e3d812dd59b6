"""Score opinions by looking at each hour once: after a year the views compared every cycle with every candle."""

from dg_bot.adapters.migrations.sql_file import run_sql_beside

revision = "m0009_score_speed"
down_revision = "m0008_challenger_cutoffs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_beside(__file__)
