"""An address of a database that was not meant as it is read: refused before a part of its password can be taken for a host."""

import traceback

import pytest

from dg_bot.adapters.postgres_errors import require_dsn
from dg_bot.errors import ConfigurationError

CANARY = "9f8e7d6c"


@pytest.mark.parametrize(
    "dsn",
    [
        f"postgresql://bot:pa@{CANARY}@127.0.0.1/bot",
        f"postgresql://bot:pa@ss:{CANARY}@127.0.0.1/bot",
        f"postgresql://bot:12/{CANARY}@127.0.0.1/bot",
        f"postgresql://bot:pa/{CANARY}@127.0.0.1/bot",
        f"postgresql://bot:pa%CA{CANARY}@127.0.0.1/bot",
        f"postgresql://bot:pa%zz{CANARY}@127.0.0.1/bot",
        f"postgresql://bot:pa[{CANARY}@[127.0.0.1/bot",
        f"host=127.0.0.1 password={CANARY} {CANARY}",
        f"host=127.0.0.1 port={CANARY}",
    ],
)
def test_a_password_that_was_not_encoded_is_told_and_not_shown(dsn: str) -> None:
    with pytest.raises(ConfigurationError, match="special characters of the password percent-encoded") as caught:
        require_dsn(dsn)

    assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://bot:pa%40ss%2F@127.0.0.1:5432/bot?sslmode=disable",
        "postgresql://bot@[::1]/bot",
        "postgresql://one,two:5433/bot",
        "postgresql:///bot?host=/var/run/postgresql",
        "host=@abstract dbname=bot password='a@b c'",
        "",
    ],
)
def test_what_can_be_meant_is_taken(dsn: str) -> None:
    require_dsn(dsn)
