import json
import subprocess
import sys
from urllib.parse import quote, quote_plus

import pytest

from dg_bot.app.secrets import Redactor

SECRET = 'p@ss/w"rd \\+é=%'


@pytest.mark.parametrize(
    "spelling",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        repr(SECRET),
        f"before{SECRET}after",
    ],
)
def test_a_secret_is_found_in_every_spelling(spelling: str) -> None:
    cleaned = Redactor([SECRET]).clean(f"value={spelling} end")

    assert (True, False, False) == ("***" in cleaned, "w%22rd" in cleaned, 'w"rd' in cleaned.replace("\\", ""))


def test_the_longer_of_two_secrets_wins() -> None:
    assert "x *** y *** z" == Redactor(["canary", "canary-long"]).clean("x canary-long y canary z")


@pytest.mark.parametrize(
    ("value", "cleaned", "ignored"), [("12345", "a 12345 b", 1), ("123456", "a *** b", 0), ("1234567", "a *** b", 0)]
)
def test_values_below_six_characters_are_left_alone_and_counted(value: str, cleaned: str, ignored: int) -> None:
    redactor = Redactor([value])

    assert (redactor.clean(f"a {value} b"), redactor.ignored) == (cleaned, ignored)


def test_an_absent_secret_is_not_counted() -> None:
    assert 0 == Redactor(["", ""]).ignored


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("POST https://api.telegram.org/bot123456:AAbb-Cc_1/sendMessage", "POST https://api.telegram.org/***"),
        ("/bot123456%3AAAbb/getMe", "/***"),
        ("Authorization: Bearer eyJhbGciOi.x.y", "Authorization: ***"),
        ("{'authorization': 'bearer abc.def'}", "{'authorization': '***'}"),
        ("a robot walks", "a robot walks"),
        ("bot12 and 3:4", "bot12 and 3:4"),
    ],
)
def test_what_looks_like_a_credential_is_masked_without_being_known(text: str, cleaned: str) -> None:
    assert Redactor([]).clean(text) == cleaned


def test_the_password_of_a_connection_url_is_a_secret_of_its_own() -> None:
    redactor = Redactor(["postgresql://bot:s3cret%2Fpass@db:5432/dg"])

    assert "no: *** or ***" == redactor.clean("no: s3cret/pass or s3cret%2Fpass")


def test_a_value_that_is_no_url_at_all_is_still_a_secret() -> None:
    assert "***" == Redactor(["http://[broken"]).clean("http://[broken")


def test_a_crash_writes_no_memory_to_the_disk() -> None:
    """Nor does that of a child, which inherits it; every command begins like this."""
    ask = "import resource; print(resource.getrlimit(resource.RLIMIT_CORE))"
    program = f"import subprocess, sys; from dg_bot.app.exit_codes import end_with; ask = {ask!r}\n"
    program += "def main():\n exec(ask); sys.stdout.flush(); subprocess.run([sys.executable, '-c', ask], check=True); return 0\n"
    program += "end_with('a command', main)"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert ["(0, 0)", "(0, 0)"] == done.stdout.splitlines()
