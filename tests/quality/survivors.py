"""Why a mutant that no test noticed may live; the first rule that fits its name and its change explains it."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """A reason, and the mutants it holds for: patterns of the mutant's name, and of `before → after`."""

    reason: str
    name: str
    change: str


RULES: tuple[Rule, ...] = (
    Rule(
        reason="Equivalent: a sequence is set to what it is",
        name=r"state\.x_after",
        change=r"and False else replace\(folded, sequence",
    ),
    Rule(
        reason="Equivalent: a field has its name before it can be unfit",
        name=r"typed_json\.x__object",
        change=r'values, name = \{\}, "XXXX"',
    ),
    Rule(
        reason="Equivalent: what was folded in advance is folded again",
        name=r"books\..*record",
        change=r"and False else self\._remembered\.after",
    ),
    Rule(
        reason="Equivalent: names differ in their digits alone",
        name=r"x_snapshots_in",
        change=r"key=lambda name: name\[1\]",
    ),
    Rule(
        reason="Equivalent: F differs from f in what is no number, and that was refused",
        name=r"typed_json\.x__write_decimal",
        change=r'format\(value, "F"\)',
    ),
    Rule(
        reason="Equivalent: whoever folds a record sets its sequence where it is not there yet",
        name=r"state\.x__marked",
        change=r"^sequence=sequence, → $",
    ),
    Rule(
        reason="Equivalent: no negative number is a file",
        name=r"journal_file\..*close",
        change=r"self\._fd = -2",
    ),
    Rule(
        reason="Equivalent: what is cut off never comes here, and the case is there for its type",
        name=r"journal_file\..*_required",
        change=r"is cut off",
    ),
    Rule(
        reason="Equivalent: risk refuses a sale of what is not the bot's",
        name=r"order_evidence\.x_is_still_there",
        change=r"return False → return True",
    ),
    Rule(
        reason="Equivalent: a balance that has not moved is no trace either way",
        name=r"order_evidence\.x_is_unmoved",
        change=r"is_taken_out = moved <= ZERO",
    ),
    Rule(
        reason="How small a closed segment is and how a snapshot is laid out, and not what they say",
        name=r"x_write_(segment|snapshot)",
        change=r"(gzip\.compress\(content, mtime=0\)|→ write_state\(path, body, \))",
    ),
    Rule(
        reason="Equivalent but where somebody else removes an old snapshot at that very moment",
        name=r"x_write_snapshot",
        change=r"missing_ok=False",
    ),
    Rule(
        reason="Equivalent: no offset is below nothing",
        name=r"journal_file\..*_drop_before",
        change=r'array\("Q"',
    ),
    Rule(
        reason="Equivalent: an active segment of exactly that length is closed now or with the next record",
        name=r"journal_file\..*(compact|_parts)",
        change=r"(_end <= self\._segment_bytes|size > self\._segment_bytes)",
    ),
    Rule(
        reason="Whoever asks while another closes a segment waits for it instead; no record differs",
        name=r"journal_file\..*compact",
        change=r"blocking=True",
    ),
    Rule(
        reason="Equivalent: with nothing before the boundary no segment is written, and the active one replaces itself",
        name=r"journal_file\..*compact",
        change=r"self\._first <= remembered\.sequence",
    ),
    Rule(
        reason="Equivalent: at a start nothing was doubted before",
        name=r"journal_file\..*_link",
        change=r"self\.doubts = \[",
    ),
    Rule(
        reason="Equivalent: the cause reads the same from a text as from a text behind no number",
        name=r"journal_file\..*_(write|read)",
        change=r"→ raise OSError\(f",
    ),
    Rule(
        reason="Equivalent: nothing comes after a record that is cut off",
        name=r"journal_reader\.x_(verified|read_journal)",
        change=r"^case TornRecord\(\): (break|return) → $",
    ),
    Rule(
        reason="Equivalent: what is planned is cut to whole won after this",
        name=r"planner\.x_plan_buy",
        change=r"wish\.free_krw // ",
    ),
    Rule(
        reason="Equivalent: the sum has Decimals in it, or is compared and added like one",
        name="",
        change=r"sum\(.*, ZERO\).* → .*sum\(.*, \)",
    ),
    Rule(
        reason="Equivalent: a quotient of positive amounts is cut to whole numbers either way",
        name=r"planner\.",
        change=r"int\((\w+) // (\w+)\).* → .*int\(\1 / \2\)",
    ),
    Rule(
        reason="Equivalent: with nothing left to spend the next level takes nothing",
        name=r"liquidity\.x__taken_by_notional",
        change=r"affordable < level\.size",
    ),
    Rule(
        reason="Equivalent: a sale of exactly the biggest part is one part by either way, but for a decision, which has a test",
        name=r"planner\.x__sale_parts",
        change=r"quantity > biggest",
    ),
    Rule(
        reason="Equivalent: a position of exactly what is there is replaced by itself",
        name=r"state\.x__without_what_left",
        change=r"held\.quantity <= rest",
    ),
    Rule(
        reason="Equivalent: a rest of nothing is worth nothing, which is below every minimum",
        name=r"state\.x__without_taken_stage",
        change=r"stage_rest >= ZERO",
    ),
    Rule(
        reason="Equivalent: settings refuse a target of volatility that is not above nothing",
        name=r"sizing\.x_entry_size",
        change=r"by_volatility >= ZERO",
    ),
    Rule(
        reason="Equivalent: an approval tells of the gate that refused only, never of one that was passed",
        name=r"manager\..*_buying_gates",
        change=r'→ .*safe_mode else "(XXoffXX|OFF)", "(?-i:off)"',
    ),
    Rule(
        reason="Equivalent: a balance that has not moved is asked about before",
        name=r"order_evidence\.x_is_unmoved",
        change=r"is_foreign = moved >= ZERO",
    ),
    Rule(
        reason="Equivalent: a case in which nothing is done",
        name=r"order_settlement\..*_caught_up",
        change=r"^case IntentState\.UNKNOWN .*: pass → $",
    ),
    Rule(
        reason="Equivalent: the type checker proves that no other answer exists",
        name=r"order_sending\..*send|manager\..*approve|liquidity\.x_measure_liquidity|intent\.|state\.",
        change=r"^(case _: )?assert_never\(\w+\) → (assert_never\(None\))?$",
    ),
    Rule(
        reason="Equivalent: the file was made a line before",
        name=r"_quarantine",
        change=r"missing_ok=False",
    ),
    Rule(
        reason="Equivalent: no namespace begins like the stand-in for an order without a name",
        name=r"open_account",
        change="XXXX",
    ),
    Rule(
        reason="Equivalent: the error writes itself from its own fields",
        name=r"Unfit",
        change=r"super\(\).__init__",
    ),
    Rule(
        reason="Equivalent: the name is read for a value that was refused only, and then it is that value's",
        name=r"typed_json\.x__mapping",
        change=r'done, key = \{\}, "XXXX"',
    ),
    Rule(
        reason="Out of reach of the tool: made at import, before a mutant can be chosen",
        name=r"typed_json\.x__exactly",
        change="",
    ),
    Rule(
        reason="Accepted: words of a message whose cause cannot come about, since what is planned has one of the two",
        name=r"order_settlement\.x__request",
        change="the intent has neither",
    ),
)


def reason_of(name: str, before: str, after: str) -> str | None:
    """Give the reason why this survivor is bearable; None where nobody has given one."""
    change = f"{before} → {after}"
    return next(
        (rule.reason for rule in RULES if re.search(rule.name, name) and re.search(rule.change, change, re.IGNORECASE)), None
    )
