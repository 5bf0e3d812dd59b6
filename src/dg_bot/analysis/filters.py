"""The filter chain for entries: regime, volatility and news."""

from collections.abc import Sequence

from dg_bot.analysis.market_context import MarketContext, Regime
from dg_bot.domain.gate import Gate

NEWS_BLOCK_SCORE = -0.5
_NO_OPINION = "no opinion: no scored news"


def entry_filters(
    context: MarketContext, news_scores: Sequence[float], *, news_block_score: float = NEWS_BLOCK_SCORE
) -> tuple[Gate, ...]:
    """Run the chain; `news_scores` (-1 to 1) are those of the news that became known in the last 24 hours."""
    return (regime_filter(context), volatility_filter(context), news_filter(news_scores, news_block_score))


def regime_filter(context: MarketContext) -> Gate:
    """Let no entry pass in a bear regime, or in one that cannot be told."""
    limit = f"{Regime.BULL} or {Regime.SIDEWAYS}"
    return Gate("regime", context.regime, limit, context.regime in (Regime.BULL, Regime.SIDEWAYS))


def volatility_filter(context: MarketContext) -> Gate:
    """Let no entry pass while the 24 h volatility is above the 95th percentile of the last 30 days."""
    now, limit = context.volatility_24h, context.volatility_limit
    return Gate("volatility_24h", now, limit, now is not None and limit is not None and now <= limit)


def news_filter(scores: Sequence[float], block_score: float = NEWS_BLOCK_SCORE) -> Gate:
    """Let no entry pass at a mean score of `block_score` or below; no scored news is no objection, and the gate says so."""
    if not scores:
        return Gate("news", _NO_OPINION, None, passed=True)
    mean = sum(scores) / len(scores)
    return Gate("news", mean, block_score, mean > block_score)
