"""How a command ends that nobody waits for any more."""

import pytest

from dg_bot.app.exit_codes import end_with


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
