"""The report of a cycle on a terminal, for a person: each stage with its gates, the decision and why, orders, account."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dg_bot.adapters.postgres import TradeRow
from dg_bot.domain.cycle_report import CycleReport, OrderSummary, Outcome, PositionSummary, Stage, StateSummary
from dg_bot.domain.gate import Gate
from dg_bot.domain.order import Side
from dg_bot.domain.screen import Honesty, ScreenResult
from dg_bot.operator import figures
from dg_bot.operator.gate_table import bare, by_stage

_TITLES = {
    Stage.RISK_CHECK: "1 Risk check",
    Stage.DATA_COLLECTION: "2 Data collection",
    Stage.ANALYSIS: "3 Analysis",
    Stage.EXECUTION: "4 Execution",
}
_ORDER = tuple(Stage)
_OUTCOME_STYLES = {Outcome.TRADED: "bold green", Outcome.HELD: "bold", Outcome.HALTED: "bold yellow", Outcome.FAILED: "bold red"}
_SIDE_STYLES = {Side.BUY: "green", Side.SELL: "red"}


def print_cycle(report: CycleReport, console: Console) -> None:
    """Write the whole report; it fits 80 columns and reads the same without colour."""
    _head(report, console)
    gates = by_stage(report.gates)
    for stage in Stage:
        _stage(report, stage, gates[stage], console)
    console.print()
    _decision(report, console)
    for order in report.orders:
        _order(order, console)
    if report.state is not None:
        _account(report.state, console)


def trades_table(rows: Iterable[TradeRow]) -> Table:
    """Lay out trades that were read back from the database, one line each at 80 columns; money is in KRW."""
    table = _table("time KST", "market", "side", "price", "quantity", "total", "fee", texts=3)
    for row in rows:
        side = Text(
            row.side.value if row.status == "completed" else f"{row.side.value} {row.status}", style=_SIDE_STYLES[row.side]
        )
        money = (_amount(figures.won(row.total_krw)), _amount(figures.fee(row.fee_krw)))
        table.add_row(
            Text(figures.seoul(row.created_at).removesuffix(" KST")),
            Text(str(row.market)),
            side,
            _amount(figures.price(row.price_krw)),
            Text(figures.quantity(row.quantity)),
            *money,
        )
    return table


def _head(report: CycleReport, console: Console) -> None:
    line = Table.grid(expand=True)
    line.add_column()
    line.add_column(justify="right")
    left = Text(f"{report.market}  {figures.seoul(report.opened_at)}  {report.mode.value}", style="bold")
    word = f"{report.outcome.value.upper()}{' (recorded earlier)' if report.repeated else ''}"
    line.add_row(left, Text(word, style=_OUTCOME_STYLES[report.outcome]))
    console.rule(characters="-", style="dim")
    console.print(line)
    console.print(Text(f"why: {report.reason}"))


def _stage(report: CycleReport, stage: Stage, gates: Sequence[Gate], console: Console) -> None:
    """Write one stage: its title with counts and duration, then a line a gate."""
    duration = report.durations_ms.get(stage.value)
    title = Text(_TITLES[stage], style="bold")
    if duration is None and not gates:
        distance = _ORDER.index(stage) - _ORDER.index(report.stage)
        is_later = distance > 0
        if distance == 1:
            console.print()
        title.append("  not reached" if is_later else "  skipped", style="not bold dim")
        console.print(title)
        return
    notes = [f"{sum(gate.passed for gate in gates)} of {len(gates)} gates passed"] if gates else []
    notes += [] if duration is None else [f"{duration:,.0f} ms"]
    title.append(f"  {', '.join(notes)}", style="not bold dim")
    console.print()
    console.print(title)
    if stage is Stage.ANALYSIS and report.screen is not None:
        _screen(report.screen, console)
    if gates:
        console.print(_gate_table(stage, gates))


def _gate_table(stage: Stage, gates: Sequence[Gate]) -> Padding:
    table = Table(box=None, header_style="dim", padding=(0, 1, 0, 0), pad_edge=False, expand=True)
    table.add_column("", width=4, no_wrap=True)
    table.add_column("gate", width=28, overflow="fold")
    table.add_column("found", ratio=1, overflow="fold")
    table.add_column("limit", ratio=1, overflow="fold")
    for gate in gates:
        verdict = Text("pass", style="green") if gate.passed else Text("FAIL", style="bold red")
        # In the analysis the first word tells the rule; elsewhere it would repeat the stage's title on every line.
        name = gate.name if stage is Stage.ANALYSIS else bare(gate.name)
        limit = "" if gate.limit is None else figures.limit(gate)
        table.add_row(verdict, Text(name), Text(figures.measure(gate)), Text(limit, style="dim"))
    return Padding(table, (0, 0, 0, 2))


def _screen(screen: ScreenResult, console: Console) -> None:
    word = "passed" if screen.has_passed else "failed"
    history = f"screen {word}: {screen.days:,.0f} days, {screen.round_trips} round trips"
    gains = f"return {figures.signed_percent(screen.total_return)}, win rate {figures.percent(screen.win_rate, 1)}"
    quality = f"profit factor {figures.ratio(screen.profit_factor)}, Sharpe {figures.ratio(screen.sharpe)}"
    risk = f"max drawdown {figures.percent(screen.max_drawdown, 1)}"
    for line in (f"{history}, {gains},", f"{quality}, {risk}", *_honesty(screen.honesty)):
        console.print(Padding(Text(line), (0, 0, 0, 2)))


def _honesty(honesty: Honesty | None) -> list[str]:
    """Say what the figures are worth: beside zero, beside the luck of the best of many, beside markets without drift."""
    if honesty is None:
        return []
    zero, best = figures.percent(honesty.probabilistic_sharpe, 0), figures.percent(honesty.deflated_sharpe, 0)
    error = figures.ratio(honesty.sharpe_error)
    told = f"Sharpe error {error}, above zero by {zero}, above the luck of {honesty.trials} trials by {best}"
    if honesty.driftless is None:
        return [told]
    driftless = honesty.driftless
    return [
        f"{told},",
        f"passes {driftless.passes} of {driftless.walks} markets without drift ({driftless.measured_on:%Y-%m-%d})",
    ]


def _decision(report: CycleReport, console: Console) -> None:
    if report.decision is None:
        console.print(Text("decision: none was asked for"))
        return
    decision = report.decision
    line = Text("decision: ")
    line.append(decision.action.value.upper(), style="bold")
    line.append(f" by {decision.source}, confidence {figures.percent(decision.confidence, 0)}")
    if report.mark_krw is not None:
        line.append(f", price {figures.price(report.mark_krw)}")
    console.print(line)
    console.print(Padding(Text(decision.reason), (0, 0, 0, 2)))


def _order(order: OrderSummary, console: Console) -> None:
    average = figures.UNKNOWN if order.average_price_krw is None else figures.price(order.average_price_krw)
    line = Text("order: ")
    line.append(order.side.value, style=_SIDE_STYLES[order.side])
    line.append(f" {order.status.replace('_', ' ')}, {figures.quantity(order.executed_quantity)} at {average}, ")
    line.append(f"fee {figures.fee(order.fee_krw)}")
    console.print(line)
    console.print(Padding(Text(order.identifier, style="dim"), (0, 0, 0, 2)))


def _account(state: StateSummary, console: Console) -> None:
    console.print(Text(f"account: equity {figures.won(state.equity_krw)}, free {figures.won(state.free_krw)}"))
    day, week = figures.signed_percent(state.daily_pnl_fraction), figures.signed_percent(state.weekly_pnl_fraction)
    console.print(Text(f"  day {day}, week {week}, entries today {state.daily_trade_count}"))
    if state.safe_mode:
        console.print(Text(f"SAFE MODE: {state.safe_mode_reason or 'no reason is recorded'}", style="bold red"))
    if state.positions:
        console.print(_positions(state.positions))


def _positions(positions: Sequence[PositionSummary]) -> Table:
    table = _table("position", "quantity", "cost KRW", "now", "profit", "stop", "target", texts=1)
    for position in positions:
        profit = position.mark_krw / position.average_cost_krw - 1
        table.add_row(
            Text(str(position.market)),
            Text(figures.quantity(position.quantity)),
            _amount(figures.price(position.average_cost_krw)),
            _amount(figures.price(position.mark_krw)),
            Text(figures.signed_percent(profit), style="green" if profit >= 0 else "red"),
            _amount(figures.price(position.stop_krw)),
            _amount(figures.price(position.target_krw)),
        )
    return table


def _amount(text: str) -> Text:
    """Leave the sign of the won to the header, where the width is dear."""
    return Text(text.replace("₩", ""))


def _table(*headers: str, texts: int) -> Table:
    """Make a table whose first `texts` columns are words and whose others are figures."""
    table = Table(box=None, header_style="dim", padding=(0, 1, 0, 0), pad_edge=False)
    for index, header in enumerate(headers):
        table.add_column(header, justify="left" if index < texts else "right", overflow="fold")
    return table
