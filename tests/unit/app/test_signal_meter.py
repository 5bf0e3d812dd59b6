from dg_bot.adapters.prometheus import Metrics
from dg_bot.app.signal_meter import SignalMeter
from dg_bot.indicators.bars import Bars
from dg_bot.strategies.base import Signals
from dg_bot.strategies.template import OwnParameters, OwnStrategy
from tests.unit.adapters.stepping_clock import SteppingClock
from tests.unit.backtesting.bars import bars_from, signals_at


class BuysAtThree(OwnStrategy):
    """Wants in at the close of each bar that ends at 3, and out at 1."""

    def signals(self, bars: Bars) -> Signals:
        return signals_at(bars, *(bars.close == 3.0).nonzero()[0], sells=(bars.close == 1.0).nonzero()[0])


def test_the_signal_of_a_newest_bar_is_counted_once_and_each_call_is_timed() -> None:
    metrics = Metrics()
    meter = SignalMeter(BuysAtThree(OwnParameters()), metrics=metrics, clock=SteppingClock())

    for notation in ("", "2", "2 3", "2 3", "2 3 2", "2 3 2 1", "2 3 2 3", "2 3 2 1"):
        meter.signals(bars_from(notation))

    def told(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(name, {"strategy": OwnStrategy(OwnParameters()).name, **labels})

    assert (2.0, 1.0) == (told("signals_generated_total", side="buy"), told("signals_generated_total", side="sell"))
    assert 8.0 == told("strategy_execution_seconds_count")
