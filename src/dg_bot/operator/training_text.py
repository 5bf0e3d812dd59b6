"""The report of a training as plain text: what the figures are, how sure they are, and what they mean."""

from datetime import datetime

from dg_bot.backtesting.model_report import TrainingReport
from dg_bot.backtesting.model_trades import MarketResult, Traded
from dg_bot.models.judging import Measured, Skill
from dg_bot.models.onnx_export import LARGEST_DIFFERENCE, ROWS_COMPARED
from dg_bot.operator.figures import UNKNOWN, percent, ratio, signed_percent

_COLUMNS = ("return", "Sharpe", "deepest fall", "round trips", "invested", "BUY hours", "SELL hours")


def training_text(report: TrainingReport) -> str:
    """Write the whole report."""
    lines = [
        *_head(report),
        "",
        "Foretelling, out of sample (gains are over always saying what was usual in the training; ± one standard error)",
        *_skill_lines(report.skill),
        "",
        "Trading, out of sample, by the model alone and after costs: no gates, no screen, no stops",
        f"{'':<34}" + "".join(f"{name:>13}" for name in _COLUMNS),
        *(line for result in report.results for line in _market_lines(report, result)),
        "",
        *_meaning(report.skill),
    ]
    return "\n".join(lines)


def _head(report: TrainingReport) -> list[str]:
    manifest, skill = report.manifest, report.skill
    label, split = manifest.label, manifest.split
    gap = f"leave out {split.purge_hours} h (purge) and {split.embargo_hours} h (embargo)"
    difference = f"differs from the trained model by {report.largest_difference:.1e} at most on {ROWS_COMPARED:,} rows"
    facts = [
        *(
            ("candles", f"{one.market} {_day(one.first)} to {_day(one.last)}, {one.rows:,} hours, {one.sha256[:12]}")
            for one in manifest.data
        ),
        ("label", f"return of the next {label.horizon_hours} h less {percent(label.cost_fraction)} for a round trip"),
        ("walk-forward", f"{split.windows} windows: train {_days(split.train_hours)}, {gap}, test {_days(split.test_hours)}"),
        (
            "tests",
            f"{_day(report.first)} to {_day(report.last)}, {skill.rows:,} hours, about {skill.independent:,} independent labels",
        ),
        ("export", f"{difference}, {LARGEST_DIFFERENCE:.0e} is allowed"),
    ]
    return [f"{manifest.kind}, seed {manifest.seed}", *(f"{name:<13}{text}" for name, text in facts)]


def _skill_lines(skill: Skill) -> list[str]:
    return [
        f"  Brier score            {skill.brier:.4f}, usual {skill.usual_brier:.4f}, gain {_measured(skill.brier_gain)}",
        f"  squared error, gain    {_measured(skill.error_gain)} of the variance of returns",
        f"  correlation            {ratio(skill.correlation, 3)} of expected and real return",
        "  reliability            " + f"{'said':>8}{'came':>8}{'hours':>9}",
        *(f"  {'':<23}{one.mean_chance:>8.3f}{one.gained:>8.3f}{one.rows:>9,}" for one in skill.reliability),
    ]


def _market_lines(report: TrainingReport, result: MarketResult) -> list[str]:
    limits = f"{signed_percent(report.thresholds.buy_at, 1)}/{signed_percent(report.thresholds.sell_at, 1)}"
    return [
        _line(f"{result.market} model at {limits}", result.model),
        _line(f"{result.market} and confidence {report.confidence:g}", result.confident),
        _line(f"{result.market} buy and hold", result.held),
        f"{result.market + ' do nothing':<34}{signed_percent(0.0, 1):>13}",
    ]


def _line(name: str, traded: Traded) -> str:
    performance = traded.performance
    cells = (
        signed_percent(performance.total_return, 1),
        ratio(performance.sharpe),
        percent(performance.drawdown.deepest, 1),
        f"{performance.round_trips:,}",
        percent(traded.invested, 1),
        f"{traded.buys:,}",
        f"{traded.sells:,}",
    )
    return f"{name:<34}" + "".join(f"{cell:>13}" for cell in cells)


def _meaning(skill: Skill) -> list[str]:
    """Say what the figures allow to say."""
    if skill.has_skill:
        return [
            "Better than usual by more than two standard errors. One figure of several can be that by chance: let it challenge",
            "the rules first (CHALLENGERS=onnx), and believe what it is worth on hours that nobody had seen.",
        ]
    return [
        "No skill is shown: it foretold no better than always saying what was usual, or not by more than two standard errors.",
        "A return above that of holding or of doing nothing is luck then: let it challenge the rules (CHALLENGERS=onnx).",
    ]


def _measured(measured: Measured) -> str:
    if measured.value is None or measured.error is None:
        return UNKNOWN
    return f"{measured.value:+.4f} ± {measured.error:.4f}"


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"


def _days(hours: int) -> str:
    return f"{hours / 24:g} days"
