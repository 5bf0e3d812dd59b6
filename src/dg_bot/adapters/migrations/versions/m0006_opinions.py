"""Keep every opinion of a cycle, those of challengers among them, and show what each was worth and what is no evidence."""

from dg_bot.adapters.migrations.sql_file import run_sql_beside

revision = "m0006_opinions"
down_revision = "m0005_views"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_beside(__file__)
