"""Keep what a model wanted before anything objected, and show what it was worth a day later."""

from dg_bot.adapters.migrations.sql_file import run_sql_beside

revision = "m0004_scores"
down_revision = "m0003_trials"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_beside(__file__)
