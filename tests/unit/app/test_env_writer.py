"""A `.env` reads back as it was meant, or is not written."""

from pathlib import Path

import pytest

from dg_bot.app.env_file import env_values
from dg_bot.app.env_writer import write_env
from dg_bot.errors import ConfigurationError


def test_what_was_written_reads_back_and_belongs_to_its_owner_alone(tmp_path: Path) -> None:
    values = {"MODE": "paper", "MARKETS": "KRW-BTC,KRW-ETH", "NOTE": "two words # and $more"}

    write_env(tmp_path / ".env", values)

    assert values == env_values((tmp_path / ".env").read_bytes(), tmp_path / ".env")
    assert 0o600 == (tmp_path / ".env").stat().st_mode & 0o777


@pytest.mark.parametrize("value", ["it's", "a\\b", "two\nlines", "\x1b[2J"])
def test_a_value_that_such_a_file_cannot_hold_is_refused_by_its_name_and_not_repeated(tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^UPBIT_SECRET_KEY: holds a quote") as refused:
        write_env(tmp_path / ".env", {"UPBIT_SECRET_KEY": value})

    assert value not in str(refused.value)
    assert [] == list(tmp_path.iterdir())


def test_a_folder_that_takes_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"missing/.env: cannot be written \(No such file or directory\)"):
        write_env(tmp_path / "missing" / ".env", {"MODE": "paper"})


def test_a_name_that_would_not_read_back_is_a_defect_that_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"would not read back as it was meant; report this as a defect"):
        write_env(tmp_path / ".env", {"MODE=x": "paper"})
