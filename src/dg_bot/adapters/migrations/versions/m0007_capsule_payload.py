"""Keep each cycle's capsule in its row, so that it can be computed again where the file is gone."""

from dg_bot.adapters.migrations.sql_file import run_sql_beside

revision = "m0007_capsule_payload"
down_revision = "m0006_opinions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_beside(__file__)
