"""Say things in the operator's language: the texts, with everything that is put into them escaped for Telegram."""

import html
import re
from collections.abc import Sequence
from enum import StrEnum
from typing import assert_never

from dg_bot.operator.answers_en import TEXTS as ENGLISH_ANSWERS
from dg_bot.operator.answers_ko import TEXTS as KOREAN_ANSWERS
from dg_bot.operator.gate_table import bare
from dg_bot.operator.messages_en import TEXTS as ENGLISH
from dg_bot.operator.messages_ko import TEXTS as KOREAN

LONGEST_MESSAGE = 4096
_LONGEST_FIELD = 300
_BETWEEN = "\n\n"
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]+")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")


class Language(StrEnum):
    KOREAN = "ko"
    ENGLISH = "en"


class Phrasebook:
    """The texts of one language by key; keys and placeholders are the same in all of them."""

    def __init__(self, language: Language) -> None:
        match language:
            case Language.KOREAN:
                self._texts = {**KOREAN, **KOREAN_ANSWERS}
            case Language.ENGLISH:
                self._texts = {**ENGLISH, **ENGLISH_ANSWERS}
            case _:
                assert_never(language)

    def say(self, key: str, **fields: str) -> str:
        """Give the text of `key` with `fields` put in, each on one line, shortened and escaped."""
        return self._texts[key].format(**{name: safe(value) for name, value in fields.items()})

    def word(self, group: str, name: str) -> str:
        """Give the word for one of the program's own names, not yet escaped; one without a word is shown as it is."""
        return self._texts.get(f"{group}.{name}") or name.replace("_", " ")

    def gate(self, name: str) -> str:
        """Give a gate's word, without the stage or rule that its name begins with."""
        return self.word("gate", bare(name))

    def reason(self, name: str) -> str:
        """Give the word for a rule's reason; any other text stays exactly as it is."""
        return self._texts.get(f"reason.{name}", name)


def safe(value: str) -> str:
    """Make any text fit to stand inside a line of Telegram HTML."""
    line = _UNPRINTABLE.sub(" ", value).strip()
    short = line if len(line) <= _LONGEST_FIELD else f"{line[: _LONGEST_FIELD - 1]}…"
    return html.escape(short, quote=False)


def joined(lines: list[str]) -> str:
    """Make one message of lines, leaving out from the end what does not fit; no tag may span two lines."""
    kept: list[str] = []
    room = LONGEST_MESSAGE - 1
    for line in lines:
        room -= _units(line) + 1
        if room < 0:
            return "\n".join([*kept, "…"]) if kept else cut(html.unescape(_TAG.sub("", line)))
        kept.append(line)
    return "\n".join(kept)


def pages(lines: Sequence[str], most: int) -> tuple[str, ...]:
    """Make messages of lines, each as long as one may be, and at most so many; no tag may span two lines."""
    made: list[list[str]] = [[]]
    room = LONGEST_MESSAGE - 1
    for line in lines:
        room -= _units(line) + 1
        if room < 0 and made[-1] and len(made) < most:
            made.append([])
            room = LONGEST_MESSAGE - 2 - _units(line)
        made[-1].append(line)
    return tuple(joined(page) for page in made)


def merged(messages: Sequence[str]) -> tuple[str, int]:
    """Put as many of the first messages as fit, one at least, into a single one; gives it with their number."""
    room = LONGEST_MESSAGE - _units(messages[0])
    count = 1
    for message in messages[1:]:
        room -= _units(message) + len(_BETWEEN)
        if room < 0:
            break
        count += 1
    return _BETWEEN.join(messages[:count]), count


def cut(text: str) -> str:
    """Keep as much of a plain text as one message holds once it is escaped; characters are never torn."""
    escaped = html.escape(text, quote=False)
    if _units(escaped) <= LONGEST_MESSAGE:
        return escaped
    room = LONGEST_MESSAGE - 1
    end = 0
    for character in text:
        room -= _units(html.escape(character, quote=False))
        if room < 0:
            break
        end += 1
    return f"{html.escape(text[:end], quote=False)}…"


def _units(text: str) -> int:
    """Count as Telegram does: UTF-16 code units."""
    return len(text) + sum(1 for character in text if character > "\uffff")
