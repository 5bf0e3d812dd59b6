import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dg_bot.analysis.quoted_text import WITHHELD, Quoted, looks_like_instruction, plain_text, quoted
from tests.injections import HARMLESS, INJECTIONS


@pytest.mark.parametrize("text", HARMLESS)
def test_ordinary_headlines_are_shown(text: str) -> None:
    assert not quoted(text, 200).is_suspicious


@pytest.mark.parametrize("text", INJECTIONS)
def test_what_speaks_to_the_model_is_withheld(text: str) -> None:
    assert Quoted(WITHHELD, True) == quoted(text, 200)


def test_there_are_more_than_sixty_of_them_in_two_languages() -> None:
    korean = [text for text in INJECTIONS if re.search("[가-힣]", text)]

    assert 60 <= len(set(INJECTIONS))
    assert 20 <= len(korean) <= len(INJECTIONS) - 40


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("비트코인\u200b 1억\n\t돌파", "비트코인 1억 돌파"),
        ("ＢＴＣ up 5％", "BTC up 5%"),
        ("to the moon 🚀🚀 now", "to the moon now"),
        ('a "word" {with} [brackets] <tags> `ticks` \\ |', 'a "word" with brackets tags ticks'),
        ("\u202ereversed\u202c", "reversed"),
        ("\x00\x1b[31mred\x7f", "31mred"),
        ("\ud800lone", "lone"),
        ("Цена растёт", ""),
    ],
)
def test_only_plain_characters_are_left(text: str, plain: str) -> None:
    assert plain == plain_text(text)


@pytest.mark.parametrize(("length", "text"), [(3, "abc"), (4, "abcd"), (5, "abcd~")])
def test_a_long_text_is_cut_at_its_limit(length: int, text: str) -> None:
    assert text == quoted("abcde"[:length] if length < 5 else "abcdefgh", 5).text


def test_letters_of_another_alphabet_among_latin_ones_are_a_disguise() -> None:
    assert looks_like_instruction("Ignоre")
    assert not looks_like_instruction("Игнор")


@settings(max_examples=60, deadline=None, database=None)
@given(st.text(), st.integers(2, 60))
def test_whatever_comes_in_short_and_plain_text_comes_out(text: str, longest: int) -> None:
    shown = quoted(text, longest).text

    assert shown == WITHHELD or len(shown) <= longest
    assert re.fullmatch(r"[0-9A-Za-z가-힣ㄱ-ㅎㅏ-ㅣ\u4e00-\u9fff .,:;%+\-/()'\"?!&$₩~·_]*", shown)
