"""Faults of the venue as the programs themselves meet them."""

from dg_bot.adapters.upbit_client import ROUTES
from dg_bot.simulator.faults import Action, Answer, FaultRule
from tests.e2e.conftest import MakeBench, market_bench, seeded_candles, warm_program
from tests.e2e.market_bench import MarketBench
from tests.e2e.tape_bench import WarmProgram

__all__ = ["market_bench", "seeded_candles", "warm_program"]

REFUSED_KEY = '{"error": {"name": "expired_access_key", "message": "no"}}'


def once(bench: MarketBench, action: Action, path: str) -> None:
    bench.faults.add(FaultRule(action=action, path=path, nth=1))


def alarms(bench: MarketBench) -> list[str]:
    return [alarm["kind"] for alarm in bench.recorded("alarm_raised")]


def test_b04_a_block_holds_for_the_whole_program(market_bench: MakeBench, warm_program: WarmProgram) -> None:
    """A program that starts inside a block asks nothing of the blocked group, whatever time the venue's clock shows."""
    bench = market_bench()
    once(bench, Answer(418, "blocked for 10 minutes"), "/v1/accounts")
    bench.run(warm_program.run)
    before = len(bench.wire_log.entries)

    ended = bench.run(warm_program.run)

    blocked = {path for (_, path), route in ROUTES.items() if route.group == "default"}
    assert not blocked & {entry.path for entry in bench.wire_log.entries[before:]}
    assert (1, 1) == (ended.exit_code, bench.requests("GET", "/v1/accounts"))


def test_b06_a_program_whose_budget_somebody_else_uses_up_tells_it(market_bench: MakeBench, warm_program: WarmProgram) -> None:
    """A 429 that the program's own calls do not explain is in its journal as an alarm, and the cycle goes on."""
    bench = market_bench()
    once(bench, Answer(429, "Too many API requests."), "/v1/ticker")

    ended = bench.run(warm_program.run, "--json")

    assert ("traded", 1) == (ended.report["outcome"], alarms(bench).count("shared_budget"))


def test_b07_a_program_that_holds_something_starts_with_an_expired_key(
    market_bench: MakeBench, warm_program: WarmProgram
) -> None:
    """A program with a position is not refused for its key: it starts, says that nothing is watched, and recovers by itself."""
    bench = market_bench()
    bench.run(warm_program.run)
    bench.faults.add(FaultRule(action=Answer(401, REFUSED_KEY), path="/v1/accounts"))

    refused = bench.run(warm_program.run)
    bench.faults.clear()
    mended = bench.run(warm_program.run)

    assert (1, 0) == (refused.exit_code, mended.exit_code)
    assert ["unprotected_key_refused"] == alarms(bench)


def test_b12_a_program_whose_venue_has_lost_an_endpoint_buys_nothing(market_bench: MakeBench, warm_program: WarmProgram) -> None:
    """A program that finds an endpoint gone enters safe mode before its first cycle, and its journal names the endpoint."""
    bench = market_bench()
    bench.faults.add(FaultRule(action=Answer(410, "gone"), path="/v1/orders/chance"))

    ended = bench.run(warm_program.run, "--json")

    (entered,) = bench.recorded("safe_mode_entered")
    assert "GET /v1/orders/chance" in entered["reason"]
    assert ("halted", 0) == (ended.report["outcome"], bench.requests("POST", "/v1/orders"))
