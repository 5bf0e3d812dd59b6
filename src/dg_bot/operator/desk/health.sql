-- name: cycle_age
SELECT extract(epoch FROM $__timeTo()::timestamptz - last_good_cycle_at) AS "Since the last good cycle" FROM freshness

-- name: candle_age
SELECT extract(epoch FROM $__timeTo()::timestamptz - last_candle_at) AS "Since the last candle" FROM freshness

-- name: open_orders
SELECT open_orders AS "Orders without an end" FROM freshness

-- name: refused
SELECT rejected_records AS "Records set aside" FROM freshness

-- name: version
SELECT coalesce(mode || ' ' || version, 'never started') AS "Mode and version" FROM freshness

-- name: durations
SELECT
    $__timeGroup(completed_at, $__interval) AS time,
    avg(risk_check_ms) AS "1 Risk check",
    avg(data_collection_ms) AS "2 Data collection",
    avg(analysis_ms) AS "3 Analysis",
    avg(execution_ms) AS "4 Execution"
FROM cycle_outcomes
WHERE $__timeFilter(completed_at)
GROUP BY 1 ORDER BY 1

-- name: bad_cycles
SELECT date_trunc('day', opened_at, 'Asia/Seoul') AS time, outcome AS metric, count(*) AS "Cycles"
FROM cycle_outcomes WHERE outcome IN ('halted', 'failed') AND $__timeFilter(opened_at) GROUP BY 1, 2 ORDER BY 1, 2

-- name: attention
SELECT at AS "When", level AS "Level", coalesce(kind, '') AS "Kind", message AS "What"
FROM attention WHERE $__timeFilter(at) ORDER BY at DESC LIMIT 50

-- name: levels
SELECT date_trunc('day', at, 'Asia/Seoul') AS time, level AS metric, count(*) AS "Lines"
FROM attention WHERE $__timeFilter(at) GROUP BY 1, 2 ORDER BY 1, 2
