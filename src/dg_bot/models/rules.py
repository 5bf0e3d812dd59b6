"""The decision model that follows the strategy's own signals."""

import math

from dg_bot.cycle import Situation
from dg_bot.domain.decision import Action, Advice, Decision


class RulesModel:
    """BUY and SELL where the strategy's signals say so on the last closed bar, HOLD in every other case."""

    @property
    def name(self) -> str:
        return "rules"

    def decide(self, situation: Situation) -> Advice:
        """Read the last bar's signals; the reason names the first gate that did not pass, or those that did."""
        return Advice(decision=self._decided(situation))

    def _decided(self, situation: Situation) -> Decision:
        signals, market = situation.signals, situation.snapshot.market
        if signals is None:
            return self._decision(Action.HOLD, 0.0, f"no strategy bar of {market} closed")
        if not len(signals.entry):
            return self._decision(Action.HOLD, 0.0, f"no strategy bar of {market} exists")
        confidence = float(signals.confidence[-1])
        # NaN is a strategy in its warm-up: no confidence at all, so that the validator stops what it might propose.
        confidence = 0.0 if math.isnan(confidence) else confidence
        if signals.entry[-1]:
            names = ", ".join(series.name for series in signals.gates)
            return self._decision(Action.BUY, confidence, f"gates passed: {names or 'none set'}")
        if signals.exit[-1]:
            return self._decision(Action.SELL, confidence, "the strategy's exit signal")
        failed = next((series for series in signals.gates if not series.passes(-1)), None)
        if failed is not None:
            return self._decision(Action.HOLD, confidence, failed.at(-1).words)
        return self._decision(Action.HOLD, confidence, "no entry signal on the last bar")

    def _decision(self, action: Action, confidence: float, reason: str) -> Decision:
        return Decision(action=action, confidence=confidence, source=self.name, reason=reason)
