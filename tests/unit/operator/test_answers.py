import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from dg_bot.domain.conversation import Reply
from dg_bot.domain.order import Side
from dg_bot.operator import answers, answers_en, answers_ko, answers_of_acts, answers_of_rows, figures, messages_en, messages_ko
from dg_bot.operator.commands import MENU, Asked, Misread, Span, read
from dg_bot.operator.phrasebook import Language, Phrasebook, pages
from dg_bot.operator.realised import gains
from dg_bot.risk.operator_halt import OperatorHalt
from dg_bot.risk.state import SafeMode
from tests.message_examples import ADOPTED_SALE, NOW, SETTINGS, TRADES, glance, sections, trade
from tests.message_page import PAGE, page
from tests.telegram_server import refusal_of
from tests.unit.operator.test_messages import placeholders

EN, KO = Phrasebook(Language.ENGLISH), Phrasebook(Language.KOREAN)
HOSTILE = "<b>&\"'</b>\n<script>alert(1)</script>\u202e\x00 {market} %s"
# Groups of words of which a program's own names choose one; the words themselves are held against those names elsewhere.
CHOSEN = ("gate.", "reason.", "closing.", "stage.", "outcome.", "action.", "mode.", "side.", "by.")


def replies(language: Language) -> Iterator[tuple[str, Reply]]:
    for section in sections(Phrasebook(language)).values():
        for name, several in section.items():
            for reply in several:
                yield name, reply


def test_the_page_of_messages_is_what_the_program_says_now() -> None:
    assert page() == PAGE.read_text(encoding="utf-8"), "run make messages"


def test_both_languages_have_the_same_answers_with_the_same_placeholders() -> None:
    korean = {key: placeholders(text) for key, text in answers_ko.TEXTS.items()}

    assert korean == {key: placeholders(text) for key, text in answers_en.TEXTS.items()}
    assert set() == answers_en.TEXTS.keys() & messages_en.TEXTS.keys()


def test_every_text_stands_on_the_page() -> None:
    said: set[str] = set()

    class Listening(Phrasebook):
        def say(self, key: str, **fields: str) -> str:
            said.add(key)
            return super().say(key, **fields)

        def word(self, group: str, name: str) -> str:
            said.add(f"{group}.{name}")
            return super().word(group, name)

    sections(Listening(Language.KOREAN))

    texts = {**messages_ko.TEXTS, **answers_ko.TEXTS}
    assert [] == [key for key in texts if key not in said and not key.startswith(CHOSEN)]


@pytest.mark.parametrize("language", list(Language))
def test_every_answer_is_one_that_telegram_takes(language: Language) -> None:
    assert {} == {name: why for name, reply in replies(language) if (why := refusal_of(reply.text, "HTML")) is not None}


@pytest.mark.parametrize("language", list(Language))
def test_every_button_says_a_command_that_fits(language: Language) -> None:
    said = {button.command for _, reply in replies(language) for row in reply.buttons for button in row}

    assert [] == [command for command in said if not isinstance(read(command), Asked) or len(command.encode()) > 64]


@pytest.mark.parametrize("language", list(Language))
def test_rows_of_buttons_fit_on_a_phone(language: Language) -> None:
    rows = [[button.label for button in row] for _, reply in replies(language) for row in reply.buttons]

    assert [] == [row for row in rows if len(row) > 3 or any(len(label) > 14 for label in row)]


@pytest.mark.parametrize("language", list(Language))
def test_lines_of_answers_are_short_enough_for_a_phone(language: Language) -> None:
    """Only what quotes the words of a rule or of an error may wrap."""
    told = sections(Phrasebook(language))
    texts = [reply.text for section in ("asked", "acted") for several in told[section].values() for reply in several]
    lines = [re.sub("<[^>]*>", "", line) for text in texts for line in text.splitlines()]
    quoted = ("lost 0.1012", "(timed out)")

    assert [] == [line for line in lines if len(line) > 46 and not any(words in line for words in quoted)]


@pytest.mark.parametrize("language", list(Language))
def test_the_menu_has_a_word_for_every_command(language: Language) -> None:
    menu = answers.menu(Phrasebook(language))

    assert [command.value for command in MENU] == [name for name, _ in menu]
    assert [] == [name for name, word in menu if word == name or not 1 <= len(word) <= 256]


def test_why_names_each_markets_first_failing_gate_with_value_and_limit_and_how_long_its_screen_has_failed() -> None:
    lines = sections(EN)["asked"]["/why"][0].text.splitlines()

    assert [
        "🔎 <b>Why not</b>",
        "⚪ <b>KRW-BTC</b> held · 11-20 22:00 KST",
        "Stopped by: <b>RSI contradiction</b>",
        "74.25 (limit 70)",
        "⛔ <b>KRW-ETH</b> halted · 11-20 22:00 KST",
        "Stopped by: <b>profit factor</b>",
        "1.12 (limit 1.3)",
        "📉 Screen failing for 12 days: profit factor",
        "1.12 (limit 1.3)",
    ] == lines


@pytest.mark.parametrize(
    ("safe_mode", "title", "turn"),
    [
        (None, "🟢 <b>Running</b> · paper", "/pause"),
        (SafeMode("daily_loss: lost", NOW), "🛡 <b>Safe mode</b> · paper", "/resume"),
        (SafeMode(OperatorHalt.PAUSED.reason("x"), NOW), "⏸ <b>Paused</b> · paper", "/resume"),
        (SafeMode(OperatorHalt.STOPPED.reason("x"), NOW), "⏹ <b>Stopped</b> · paper", "/resume"),
    ],
)
def test_a_status_says_whether_it_trades_and_offers_the_turn(safe_mode: SafeMode | None, title: str, turn: str) -> None:
    reply = answers.status(glance(safe_mode=safe_mode), EN)

    assert (title, turn) == (reply.text.splitlines()[0], reply.buttons[0][-1].command)


def test_gains_are_those_of_sales_at_average_cost_with_both_fees() -> None:
    first, second = gains(TRADES).sales

    assert (Decimal("58970"), Decimal("-30985")) == (first.gain_krw, second.gain_krw)
    assert Decimal(1_000_500) == first.cost_krw == second.cost_krw


def test_the_parts_of_one_sale_are_one_sale() -> None:
    half = "0.003448275"
    bought = trade("KRW-BTC.20261120T06.entry", Side.BUY, "1000000")
    parts = [
        replace(trade("x", Side.SELL, "500000", quantity=half), identifier=f"dg.KRW-BTC.20261120T10.exit.{leg}.0")
        for leg in (0, 1)
    ]

    (sale,) = gains([bought, *parts]).sales

    assert (Decimal("-1000"), Decimal(1_000_500)) == (sale.gain_krw, sale.cost_krw)


def test_sales_of_coins_whose_cost_no_trade_tells_are_left_out_and_counted() -> None:
    assert (2, 1) == (len(gains((*TRADES, ADOPTED_SALE)).sales), gains((*TRADES, ADOPTED_SALE)).unknown)


@pytest.mark.parametrize(
    ("span", "expected"), [(Span.DAY, "11-20 00:00 KST"), (Span.WEEK, "11-16 00:00 KST"), (Span.MONTH, "11-01 00:00 KST")]
)
def test_periods_begin_in_seoul(span: Span, expected: str) -> None:
    assert expected == figures.seoul(answers_of_rows.start_of(span, NOW))


def test_a_sale_of_yesterday_is_none_of_todays_gains() -> None:
    everything = gains(TRADES)

    today = everything.since(answers_of_rows.start_of(Span.DAY, NOW + timedelta(hours=12)))

    assert (2, 0) == (len(everything.sales), len(today.sales))


def test_settings_tell_only_what_differs_and_no_secret() -> None:
    (reply,) = answers.config(glance(), {**SETTINGS, "MODE": "demo", "TELEGRAM_BOT_TOKEN": ""}, EN)

    assert ["<code>MODE=paper</code>", "<code>TELEGRAM_BOT_TOKEN=set</code>"] == reply.text.splitlines()[2:]


@pytest.mark.parametrize("book", [EN, KO], ids=["en", "ko"])
def test_hostile_words_stay_words_in_answers(book: Phrasebook) -> None:
    mode = SafeMode(f"paused: {HOSTILE}", NOW)
    texts = [
        answers.status(glance(safe_mode=mode), book).text,
        answers_of_acts.failed(HOSTILE, book).text,
        answers_of_acts.too_old((HOSTILE,), book).text,
        answers_of_acts.interrupted(HOSTILE, book).text,
        *(reply.text for reply in answers.config(replace(glance(), settings={"NAME": HOSTILE}), {}, book)),
    ]

    assert [None] * len(texts) == [refusal_of(text, "HTML") for text in texts]
    assert [] == [text for text in texts if "<script>" in text or "\u202e" in text]


def test_what_was_written_wrongly_is_never_repeated() -> None:
    texts = [reply.text for name, reply in replies(Language.ENGLISH) if "misspelt" in name or name == "/nothing"]

    assert all("/" in text for text in texts)
    assert isinstance(read("/nothing"), Misread)


def test_many_lines_become_several_messages_and_at_most_so_many() -> None:
    lines = [f"<b>{number}</b> " + "가" * 90 for number in range(200)]

    made = pages(lines, 3)

    assert (3, [None] * 3) == (len(made), [refusal_of(page, "HTML") for page in made])
    assert ("<b>0</b>", "…") == (made[0][:8], made[-1].splitlines()[-1])
    assert lines[: len(made[0].splitlines())] == made[0].splitlines()


def test_few_lines_are_one_message() -> None:
    assert ("one\ntwo",) == pages(["one", "two"], 3)
