import pytest

from dg_bot.errors import ConfigurationError, ImpossibleValue
from dg_bot.simulator.faults import (
    Answer,
    AnswerAfter,
    Big,
    Delay,
    Drip,
    DropHeader,
    Edit,
    FaultPlan,
    FaultRule,
    HangUp,
    Html,
    Invisible,
    LoseReply,
    LoseRequest,
    Redirect,
    SetHeader,
    Truncate,
)
from dg_bot.simulator.faults_file import load_faults


def _hits(plan: FaultPlan, times: int) -> list[int]:
    """Give which of so many POSTs of an order are struck, counted from 1."""
    return [number for number in range(1, times + 1) if plan.actions_for("POST", "/v1/orders")]


@pytest.mark.parametrize(
    ("nth", "count", "struck"),
    [(None, None, [1, 2, 3, 4, 5, 6]), (3, None, [3]), (3, 2, [3, 4]), (None, 2, [1, 2]), (1, 1, [1]), (7, 1, [])],
)
def test_a_rule_strikes_from_the_nth_as_often_as_it_says(nth: int | None, count: int | None, struck: list[int]) -> None:
    plan = FaultPlan([FaultRule(action=LoseReply(), path="/v1/orders", nth=nth, count=count)])

    assert struck == _hits(plan, 6)


def test_other_methods_and_paths_do_not_count() -> None:
    plan = FaultPlan([FaultRule(action=LoseReply(), method="POST", path="/v1/orders", nth=1, count=1)])

    assert plan.actions_for("GET", "/v1/orders") == ()
    assert plan.actions_for("POST", "/v1/orders/test") == ()
    assert _hits(plan, 2) == [1]


def test_a_star_makes_a_path_a_prefix() -> None:
    plan = FaultPlan([FaultRule(action=LoseRequest(), path="/v1/candles/*")])

    assert (LoseRequest(),) == plan.actions_for("GET", "/v1/candles/minutes/60")
    assert plan.actions_for("GET", "/v1/candle") == ()


def test_all_rules_that_strike_apply_in_their_order() -> None:
    plan = FaultPlan([FaultRule(action=Delay(1), path="/v1/orders"), FaultRule(action=LoseReply(), path="/v1/*")])

    assert (Delay(1), LoseReply()) == plan.actions_for("POST", "/v1/orders")


def test_rules_can_be_added_and_ended_while_it_runs() -> None:
    plan = FaultPlan()
    before = plan.actions_for("GET", "/v1/ticker")
    plan.add(FaultRule(action=Html(), path="/v1/ticker"))
    during = plan.actions_for("GET", "/v1/ticker")
    plan.clear()

    assert ((), (Html(),), ()) == (before, during, plan.actions_for("GET", "/v1/ticker"))


@pytest.mark.parametrize("fields", [{"path": "v1"}, {"nth": 0}, {"count": 0}])
def test_an_impossible_rule_cannot_be_built(fields: dict[str, object]) -> None:
    with pytest.raises(ImpossibleValue):
        FaultRule(**{"action": Html(), "path": "/v1/ticker", **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "action"),
    [
        ('"action": "lose_request"', LoseRequest()),
        ('"action": "lose_reply"', LoseReply()),
        ('"action": "delay", "seconds": 0.5', Delay(0.5)),
        ('"action": "status", "status": 503, "body": "down"', Answer(503, "down")),
        ('"action": "status", "status": 500', Answer(500, "")),
        ('"action": "status_after", "status": 502, "body": {"error": {"name": "x"}}', AnswerAfter(502, '{"error":{"name":"x"}}')),
        ('"action": "drip", "seconds": 5', Drip(5)),
        ('"action": "truncate", "bytes": 10', Truncate(10)),
        ('"action": "drop_header"', DropHeader("Remaining-Req")),
        ('"action": "set_header", "header": "Remaining-Req", "value": "sec=0"', SetHeader("Remaining-Req", "sec=0")),
        ('"action": "hang_up"', HangUp()),
        ('"action": "redirect", "url": "http://127.0.0.1:1/"', Redirect("http://127.0.0.1:1/")),
        ('"action": "html"', Html()),
        ('"action": "big", "mebibytes": 50', Big(50)),
        ('"action": "invisible", "seconds": 3', Invisible(3)),
        ('"action": "edit", "assign": {"state": "frozen"}, "remove": ["uuid"]', Edit({"state": "frozen"}, ("uuid",))),
    ],
)
def test_every_action_can_stand_in_a_file(fields: str, action: object) -> None:
    plan = load_faults(f'[{{"path": "/v1/orders", {fields}}}]')

    assert (action,) == plan.actions_for("POST", "/v1/orders")


def test_in_a_file_nth_alone_means_once() -> None:
    assert _hits(load_faults('[{"path": "/v1/orders", "method": "POST", "nth": 2, "action": "lose_reply"}]'), 4) == [2]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ("{}", "must be a list"),
        ("[1]", "rule 1: 'rule' must be an object"),
        ('[{"path": "/v1/orders"}]', "rule 1: 'action' is missing"),
        ('[{"action": "html"}]', "rule 1: 'path' is missing"),
        (
            '[{"path": "/v1/a", "action": "html"}, {"path": "/v1/b", "action": "explode"}]',
            "rule 2: 'action' is 'explode', must be one of lose_request",
        ),
        ('[{"path": "/v1/a", "action": "html", "nht": 2}]', "rule 1: 'nht' is no field"),
        ('[{"path": "/v1/a", "action": "delay"}]', "rule 1: 'seconds' is missing"),
        ('[{"path": "/v1/a", "action": "delay", "seconds": "5"}]', "rule 1: 'seconds' must be a number"),
        ('[{"path": "/v1/a", "action": "delay", "seconds": true}]', "rule 1: 'seconds' must be a number"),
        ('[{"path": "/v1/a", "action": "drip", "seconds": -1}]', "rule 1: 'seconds' must be a number"),
        ('[{"path": "/v1/a", "action": "status", "status": 199}]', "rule 1: 'status' must lie"),
        ('[{"path": "/v1/a", "action": "status", "status": 600}]', "rule 1: 'status' must lie"),
        ('[{"path": "/v1/a", "action": "html", "method": "PATCH"}]', "rule 1: 'method' must be"),
        ('[{"path": "/v1/a", "action": "html", "nth": 0}]', "rule 1: nth"),
        ('[{"path": "/v1/a", "action": "html", "count": 0}]', "rule 1: count"),
        ('[{"path": "v1/a", "action": "html"}]', "rule 1: path"),
        ('[{"path": "/v1/a", "action": "big", "mebibytes": 1.5}]', "rule 1: 'mebibytes' must be a whole"),
        ('[{"path": "/v1/a", "action": "edit", "assign": []}]', "rule 1: 'assign' must be an object"),
        ('[{"path": "/v1/a", "action": "edit", "remove": [1]}]', "rule 1: 'remove' must be a list of texts"),
    ],
)
def test_an_error_in_a_file_names_the_rule_and_the_field(text: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_faults(text)

    assert words in str(caught.value)
    assert caught.value.variable == "--faults"
