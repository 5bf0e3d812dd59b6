"""Keep votes, the account's figures and what a language model cost, and show everything that a dashboard draws as a view."""

from dg_bot.adapters.migrations.sql_file import run_sql_beside

revision = "m0005_views"
down_revision = "m0004_scores"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_beside(__file__)
