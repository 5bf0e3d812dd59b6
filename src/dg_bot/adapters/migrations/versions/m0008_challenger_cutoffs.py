"""Hold what other language models said as challengers to cut-offs of their own."""

from dg_bot.adapters.migrations.sql_file import run_sql_beside

revision = "m0008_challenger_cutoffs"
down_revision = "m0007_capsule_payload"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_beside(__file__)
