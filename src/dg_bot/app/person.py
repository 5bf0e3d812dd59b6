"""Ask a person: at a terminal, where secrets are typed unseen, or from lines that somebody prepared."""

from getpass import getpass
from typing import Protocol, TextIO

from rich.console import Console

from dg_bot.errors import ConfigurationError


class Person(Protocol):
    """Who is asked. An empty answer is an empty text; raises ConfigurationError where no answer can come any more."""

    def tell(self, text: str) -> None: ...

    def ask(self, text: str) -> str: ...

    def ask_secret(self, text: str) -> str: ...


class AtTerminal:
    """Somebody at a terminal; Ctrl-D ends the dialogue."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def tell(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)

    def ask(self, text: str) -> str:
        self._console.print(f"{text}: ", end="", markup=False, soft_wrap=True)
        try:
            return input().strip()
        except EOFError as error:
            raise _ended() from error

    def ask_secret(self, text: str) -> str:
        try:
            return getpass(f"{text}: ").strip()
        except EOFError as error:
            raise _ended() from error


class FromLines:
    """Answers from a file or a pipe, one a line; questions are shown, answers are not."""

    def __init__(self, lines: TextIO, console: Console) -> None:
        self._lines = lines
        self._console = console

    def tell(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)

    def ask(self, text: str) -> str:
        self.tell(f"{text}:")
        line = self._lines.readline()
        if not line:
            raise _ended()
        return line.strip()

    def ask_secret(self, text: str) -> str:
        return self.ask(text)


def _ended() -> ConfigurationError:
    return ConfigurationError("standard input", "the answers ended before the questions did", "nothing was written; begin again")
