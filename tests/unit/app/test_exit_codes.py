"""How a command ends that nobody waits for any more."""

import signal
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from dg_bot.app.exit_codes import end_with, refusal
from dg_bot.errors import AccountInUse, AuthenticationFailed, BotError, ExchangeUnavailable, RateLimited, StoreError, UnsafeSetup


def test_ctrl_c_ends_with_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> int:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as ended:
        end_with("replay", main)

    assert (1, "replay: interrupted\n") == (ended.value.code, capsys.readouterr().err)


def test_the_code_of_the_command_is_that_of_the_process() -> None:
    with pytest.raises(SystemExit) as ended:
        end_with("replay", lambda: 3)

    assert 3 == ended.value.code


def test_what_a_command_did_not_expect_is_told_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> int:
        raise UnsafeSetup("KEY", "stands on the command line", "make a new one")

    with pytest.raises(SystemExit) as ended:
        end_with("replay", main)

    assert (3, "replay: KEY: stands on the command line; make a new one\n") == (ended.value.code, capsys.readouterr().err)


_LOADING = """
import signal
from dg_bot.app.ctrl_c import quiet_while_loading
signal.signal(signal.SIGINT, signal.{before})
quiet_while_loading({name!r})
signal.raise_signal(signal.SIGINT)
from dg_bot.app.exit_codes import end_with
end_with("replay", lambda: signal.raise_signal(signal.SIGINT) or 0)
"""


@pytest.mark.parametrize(
    ("before", "name", "code", "said"),
    [
        ("default_int_handler", "__main__", -signal.SIGINT, ""),
        ("default_int_handler", "scripts.replay", -signal.SIGINT, "KeyboardInterrupt"),
        ("SIG_IGN", "__main__", 0, ""),
    ],
    ids=["while loading", "imported by another program", "switched off by a shell"],
)
def test_ctrl_c_while_the_libraries_load_ends_without_a_traceback(before: str, name: str, code: int, said: str) -> None:
    program = _LOADING.format(before=before, name=name)

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)

    assert (code, said) == (ended.returncode, ended.stderr.strip().rpartition("\n")[2])


def test_behind_the_loading_ctrl_c_is_heard_again(capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)

    def main() -> int:
        signal.raise_signal(signal.SIGINT)
        return 0

    try:
        with pytest.raises(SystemExit) as ended:
            end_with("replay", main)
    finally:
        signal.signal(signal.SIGINT, before)

    assert (1, "replay: interrupted\n") == (ended.value.code, capsys.readouterr().err)


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (ExchangeUnavailable("GET /v1/ticker", "connect_failed"), "check this machine's network and Upbit's notices"),
        (RateLimited("GET /v1/ticker", "ticker", datetime(2026, 11, 20, tzinfo=UTC)), "run it again then"),
        (AuthenticationFailed("GET /v1/accounts", "expired_access_key"), "look at the key in Upbit's web pages"),
        (StoreError("connect", "refused"), "see that the database runs and that DATABASE_URL leads to it"),
        (AccountInUse("session 1"), "stop that one first"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_where_somebody_does_not_answer_it_is_said_what_to_do(
    capsys: pytest.CaptureFixture[str], error: BotError, remedy: str
) -> None:
    code = refusal("desk", error)

    assert (1, f"desk: {error}; {remedy}") == (code, capsys.readouterr().err[: len(f"desk: {error}; {remedy}")])
