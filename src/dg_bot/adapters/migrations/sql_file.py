"""Run the .sql file that lies beside a migration."""

from pathlib import Path

from alembic import op


def run_sql_beside(migration: str) -> None:
    """Run the statements of the file with the migration's name as they are written, without parameters."""
    sql = Path(migration).with_suffix(".sql").read_text(encoding="utf-8")
    cursor = op.get_bind().connection.cursor()
    try:
        cursor.execute(sql)
    finally:
        cursor.close()
