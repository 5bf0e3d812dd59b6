"""Settings that lie encrypted beside `.env`, and secrets in files of their own: opened by their owner, and by nobody else."""

import os
import shutil
import subprocess
from pathlib import Path

import pyrage
import pytest

from dg_bot.app.env_file import require_private
from dg_bot.app.setting_sources import load_settings
from dg_bot.app.settings import Settings
from dg_bot.errors import ConfigurationError, UnsafeSetup

CANARY = "canary-4b7e-of-a-sealed-setting"
SEALED = f"MODE=paper\nOPENAI_API_KEY={CANARY}\n"


class Desk:
    """A folder with `.env`, `.env.age` and a key file."""

    def __init__(self, folder: Path) -> None:
        self.env = folder / ".env"
        self.sealed = folder / ".env.age"
        self.key_file = folder / "key.txt"
        self.identity = pyrage.x25519.Identity.generate()
        self.write_key(f"# created: 2026-11-20\n# public key: {self.identity.to_public()}\n{self.identity}\n")

    def write_key(self, text: str) -> None:
        self.key_file.write_text(text, encoding="ascii")
        self.key_file.chmod(0o600)

    def seal(self, text: str) -> None:
        self.sealed.write_bytes(pyrage.encrypt(text.encode(), [self.identity.to_public()]))

    def load(self, **environment: str) -> Settings:
        return load_settings(environment={"ENV_AGE_KEY_FILE": str(self.key_file), **environment}, env_file=self.env)

    def refusal(self, **environment: str) -> str:
        with pytest.raises(ConfigurationError) as caught:
            self.load(**environment)
        shown = f"{caught.value} {caught.value.__cause__!r}"
        assert CANARY not in shown
        assert str(self.identity) not in shown
        return str(caught.value)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def key_of(settings: Settings) -> str:
    assert settings.openai_api_key is not None
    return settings.openai_api_key.get_secret_value()


def test_a_sealed_file_is_opened_and_read_like_the_plain_one(desk: Desk) -> None:
    desk.seal(SEALED)
    desk.env.write_text("LOG_LEVEL=DEBUG\n", encoding="ascii")

    settings = desk.load()

    assert ("paper", "DEBUG", CANARY) == (settings.mode, settings.log_level, key_of(settings))


def test_the_plain_file_may_name_the_key_and_the_environment_wins_over_both(desk: Desk) -> None:
    desk.seal(SEALED)
    desk.env.write_text(f"ENV_AGE_KEY_FILE={desk.key_file}\n", encoding="ascii")

    settings = desk.load(ENV_AGE_KEY_FILE="", MODE="demo")

    assert ("demo", CANARY) == (settings.mode, key_of(settings))


@pytest.mark.skipif(shutil.which("age") is None, reason="the program age is not installed")
@pytest.mark.parametrize("form", [(), ("--armor",)], ids=["binary", "armoured"])
def test_the_program_age_makes_such_files(desk: Desk, form: tuple[str, ...]) -> None:
    desk.key_file.unlink()
    subprocess.run(["age-keygen", "-o", str(desk.key_file)], check=True, capture_output=True)
    recipient = subprocess.run(
        ["age-keygen", "-y", str(desk.key_file)], check=True, capture_output=True, text=True
    ).stdout.strip()
    subprocess.run(
        ["age", *form, "--recipient", recipient, "--output", str(desk.sealed)], input=SEALED.encode(), check=True, timeout=30
    )

    assert CANARY == key_of(desk.load())


def test_a_key_of_somebody_else_opens_nothing(desk: Desk) -> None:
    desk.seal(SEALED)
    desk.write_key(str(pyrage.x25519.Identity.generate()))

    assert ".env.age: cannot be opened: it is no whole age file, or is meant for another key" in desk.refusal()


@pytest.mark.parametrize("content", [b"", SEALED.encode(), b"age-encryption.org/v1\n"])
def test_a_file_that_is_not_sealed_or_cut_is_refused_unread(desk: Desk, content: bytes) -> None:
    desk.sealed.write_bytes(content)

    assert ".env.age: cannot be opened" in desk.refusal()


@pytest.mark.parametrize("text", ["", "# nothing\n", "AGE-SECRET-KEY-1NONSENSE\n", f"{CANARY}\n"])
def test_a_key_file_without_a_key_is_refused(desk: Desk, text: str) -> None:
    desk.seal(SEALED)
    desk.write_key(text)

    assert "ENV_AGE_KEY_FILE: names a file without an age key" in desk.refusal()


def test_neither_half_is_taken_without_the_other(desk: Desk) -> None:
    """A start that misses its settings would be the demo, while what the live bot holds is watched by nobody."""
    without_file = desk.refusal()
    desk.seal(SEALED)
    without_key = desk.refusal(ENV_AGE_KEY_FILE="")
    with_a_lost_key = desk.refusal(ENV_AGE_KEY_FILE="/nowhere/key.txt")

    assert "ENV_AGE_KEY_FILE: is set, and there is no" in without_file
    assert "ENV_AGE_KEY_FILE: is not set, and there is a" in without_key
    assert "ENV_AGE_KEY_FILE: names a file that cannot be read" in with_a_lost_key


@pytest.mark.parametrize("rights", [0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_is_refused(desk: Desk, rights: int) -> None:
    desk.seal(SEALED)
    desk.key_file.chmod(rights)

    assert f"holds secrets and has mode {rights:04o}; run: chmod 600" in desk.refusal()


def test_a_key_that_stands_in_both_files_is_refused(desk: Desk) -> None:
    desk.seal(SEALED)
    desk.env.write_text("MODE=live\n", encoding="ascii")

    assert desk.refusal().startswith("MODE: stands in ")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"OPENAI_API_KAY={CANARY}\n", "did you mean OPENAI_API_KEY"),
        (f"MODE=paper\n{CANARY}\n", "line 2: is not KEY=value"),
        (f"MODE={CANARY}\n", "it is none of demo, paper or live"),
    ],
)
def test_errors_inside_a_sealed_file_are_named_without_its_content(desk: Desk, text: str, problem: str) -> None:
    desk.seal(text)

    assert problem in desk.refusal()


# Secrets in files of their own


@pytest.mark.parametrize("rights", [0o640, 0o604, 0o620])
@pytest.mark.parametrize("mode", ["paper", "live"])
def test_a_secret_file_that_others_can_touch_is_refused(tmp_path: Path, mode: str, rights: int) -> None:
    secret = tmp_path / "secret"
    secret.write_text(CANARY, encoding="ascii")
    secret.chmod(rights)

    with pytest.raises(UnsafeSetup, match=f"has mode {rights:04o}; run: chmod 600") as caught:
        load_settings(environment={"MODE": mode, "OPENAI_API_KEY_FILE": str(secret)}, env_file=tmp_path / ".env")
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(("rights", "is_taken"), [(0o400, True), (0o444, True), (0o644, True), (0o664, False), (0o666, False)])
def test_what_an_engine_mounted_may_be_readable_but_not_writable(tmp_path: Path, rights: int, is_taken: bool) -> None:
    secret = tmp_path / "upbit"
    secret.touch()
    secret.chmod(rights)
    if os.geteuid() == 0:
        os.chown(secret, 12345, 12345)

    if is_taken:
        require_private(secret, mounted=tmp_path)
    else:
        with pytest.raises(UnsafeSetup, match="take the right to write"):
            require_private(secret, mounted=tmp_path)
