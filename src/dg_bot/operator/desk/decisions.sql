-- name: why_not
SELECT DISTINCT ON (symbol)
    symbol AS "Market",
    opened_at AS "Hour",
    outcome AS "Outcome",
    coalesce(stopping_gate, 'none') AS "Stopped by",
    reason AS "In words"
FROM cycle_outcomes
WHERE symbol IN (${market:sqlstring}) AND $__timeFilter(opened_at)
ORDER BY symbol, opened_at DESC

-- name: stoppers
SELECT stopping_gate AS "Gate", count(*) AS "Cycles"
FROM cycle_outcomes
WHERE symbol IN (${market:sqlstring}) AND stopping_gate IS NOT NULL AND $__timeFilter(opened_at)
GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 12

-- name: objections
SELECT gate AS "Gate", count(*) AS "Cycles"
FROM gate_outcomes
WHERE symbol IN (${market:sqlstring}) AND NOT is_passed AND $__timeFilter(opened_at)
GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 12

-- name: outcomes
SELECT date_trunc('day', opened_at, 'Asia/Seoul') AS time, outcome AS metric, count(*) AS "Cycles"
FROM cycle_outcomes
WHERE symbol IN (${market:sqlstring}) AND $__timeFilter(opened_at)
GROUP BY 1, 2 ORDER BY 1, 2

-- name: wanted
SELECT date_trunc('day', opened_at, 'Asia/Seoul') AS time, proposed AS metric, count(*) AS "Cycles"
FROM cycle_outcomes
WHERE symbol IN (${market:sqlstring}) AND proposed IN ('buy', 'sell') AND $__timeFilter(opened_at)
GROUP BY 1, 2 ORDER BY 1, 2

-- name: vetoes
SELECT
    symbol AS "Market",
    count(*) FILTER (WHERE proposed = 'buy') AS "Buys wanted",
    count(*) FILTER (WHERE proposed = 'buy' AND decided = 'buy') AS "Buys decided",
    count(*) FILTER (WHERE proposed = 'sell') AS "Sells wanted",
    count(*) FILTER (WHERE proposed = 'sell' AND decided = 'sell') AS "Sells decided",
    count(*) FILTER (WHERE outcome = 'traded') AS "Cycles that traded",
    count(*) AS "Cycles"
FROM cycle_outcomes
WHERE symbol IN (${market:sqlstring}) AND $__timeFilter(opened_at)
GROUP BY symbol ORDER BY symbol

-- name: cycles
SELECT
    opened_at AS "Hour", symbol AS "Market", outcome AS "Outcome", proposed AS "Wanted", decided AS "Decided",
    confidence AS "Confidence", mark_krw AS "Price", reason AS "Why"
FROM cycle_outcomes
WHERE symbol IN (${market:sqlstring}) AND $__timeFilter(opened_at) AND (outcome <> 'held' OR proposed IN ('buy', 'sell'))
ORDER BY opened_at DESC, symbol LIMIT 30
