-- name: mode
SELECT coalesce((SELECT reason FROM safe_mode_periods WHERE left_at IS NULL ORDER BY entered_at DESC LIMIT 1), 'off') AS "Safe mode"

-- name: day
SELECT daily_pnl_fraction AS "Day" FROM risk_history WHERE $__timeFilter(at) ORDER BY at DESC LIMIT 1

-- name: week
SELECT weekly_pnl_fraction AS "Week" FROM risk_history WHERE $__timeFilter(at) ORDER BY at DESC LIMIT 1

-- name: exposure_now
SELECT exposure_fraction AS "Exposure" FROM risk_history WHERE $__timeFilter(at) ORDER BY at DESC LIMIT 1

-- name: losses
SELECT
    at AS time,
    daily_pnl_fraction AS "Day",
    weekly_pnl_fraction AS "Week",
    daily_loss_fraction AS "Limit of the day",
    weekly_loss_fraction AS "Limit of the week"
FROM risk_history CROSS JOIN risk_limits
WHERE $__timeFilter(at) AND daily_pnl_fraction IS NOT NULL
ORDER BY at

-- name: exposure
SELECT $__timeGroup(at, '1h') AS time, symbol AS metric, max(exposure_fraction) AS "Exposure"
FROM position_history WHERE $__timeFilter(at) GROUP BY 1, 2 ORDER BY 1, 2

-- name: positions
SELECT
    symbol AS "Market",
    value_krw AS "Value",
    profit_fraction AS "Profit",
    exposure_fraction AS "Of the account",
    average_cost_krw AS "Average cost",
    stop_krw AS "Stop",
    target_krw AS "Target",
    1 - stop_krw * quantity / nullif(value_krw, 0) AS "To the stop",
    target_krw * quantity / nullif(value_krw, 0) - 1 AS "To the target"
FROM position_history
WHERE at = (SELECT max(at) FROM risk_history WHERE $__timeFilter(at))
GROUP BY symbol, value_krw, profit_fraction, exposure_fraction, average_cost_krw, stop_krw, target_krw, quantity
ORDER BY symbol

-- name: safe_mode
SELECT at AS time, is_safe_mode::integer AS "Safe mode" FROM risk_history
WHERE $__timeFilter(at) AND is_safe_mode IS NOT NULL ORDER BY at

-- name: periods
SELECT entered_at AS "Began", left_at AS "Ended", reason AS "Why", coalesce(left_by, 'still on') AS "Ended by"
FROM safe_mode_periods
WHERE entered_at <= $__timeTo() AND coalesce(left_at, $__timeTo()) >= $__timeFrom()
ORDER BY entered_at DESC

-- name: exits
SELECT split_part(reason, ':', 1) AS "Exit", count(*) AS "Orders"
FROM execution_quality WHERE role = 'exit' AND $__timeFilter(at) GROUP BY 1 ORDER BY 2 DESC, 1
