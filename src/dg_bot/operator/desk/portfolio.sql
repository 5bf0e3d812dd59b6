-- name: value
SELECT value_krw AS "Value" FROM portfolio_history WHERE $__timeFilter(at) ORDER BY at DESC LIMIT 1

-- name: gain
SELECT (1 + last_value(return_fraction) OVER spanned) / (1 + first_value(return_fraction) OVER spanned) - 1 AS "Return"
FROM portfolio_history
WHERE $__timeFilter(at)
WINDOW spanned AS (ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
LIMIT 1

-- name: hold
SELECT (1 + last_value(hold_return_fraction) OVER spanned) / (1 + first_value(hold_return_fraction) OVER spanned) - 1 AS "Holding"
FROM portfolio_history
WHERE $__timeFilter(at)
WINDOW spanned AS (ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
LIMIT 1

-- name: deepest
SELECT min(drawdown_fraction) AS "Deepest drawdown" FROM portfolio_history WHERE $__timeFilter(at)

-- name: realised
SELECT coalesce(sum(pnl_krw), 0) AS "Realised" FROM round_trips WHERE $__timeFilter(exited_at)

-- name: win_rate
SELECT avg((pnl_krw > 0)::integer) AS "Won" FROM round_trips WHERE $__timeFilter(exited_at)

-- name: returns
SELECT
    at AS time,
    (1 + return_fraction) / (1 + first_value(return_fraction) OVER in_order) - 1 AS "Bot",
    (1 + hold_return_fraction) / (1 + first_value(hold_return_fraction) OVER in_order) - 1 AS "Buy and hold"
FROM portfolio_history
WHERE $__timeFilter(at)
WINDOW in_order AS (ORDER BY at)
ORDER BY at

-- name: values
SELECT at AS time, value_krw AS "Value", paid_in_krw AS "Paid in" FROM portfolio_history WHERE $__timeFilter(at) ORDER BY at

-- name: drawdown
SELECT at AS time, drawdown_fraction AS "Drawdown" FROM portfolio_history WHERE $__timeFilter(at) ORDER BY at

-- name: days
SELECT day AS time, return_fraction AS "Bot", hold_return_fraction AS "Buy and hold"
FROM daily_returns WHERE $__timeFilter(day) ORDER BY day

-- name: months
SELECT
    to_char(month AT TIME ZONE 'Asia/Seoul', 'YYYY-MM') AS "Month",
    value_krw AS "Value at its end",
    return_fraction AS "Bot",
    hold_return_fraction AS "Buy and hold",
    return_fraction - hold_return_fraction AS "Difference"
FROM monthly_returns ORDER BY month DESC

-- name: price
SELECT $__timeGroup(at, $__interval) AS time, avg(close) AS "Price"
FROM prices WHERE symbol IN (${market:sqlstring}) AND $__timeFilter(at)
GROUP BY 1 ORDER BY 1

-- name: bought
SELECT at AS time, price_krw AS "Bought" FROM execution_quality
WHERE symbol IN (${market:sqlstring}) AND side = 'buy' AND price_krw IS NOT NULL AND $__timeFilter(at) ORDER BY at

-- name: sold
SELECT at AS time, price_krw AS "Sold" FROM execution_quality
WHERE symbol IN (${market:sqlstring}) AND side = 'sell' AND price_krw IS NOT NULL AND $__timeFilter(at) ORDER BY at

-- name: round_trips
SELECT
    entered_at AS "Entered",
    symbol AS "Market",
    pnl_fraction AS "Result",
    pnl_krw AS "Profit",
    exited_at AS "Left",
    extract(epoch FROM exited_at - entered_at) AS "Held",
    entry_krw AS "Entry price",
    exit_krw AS "Exit price",
    paid_krw AS "Paid",
    CASE WHEN is_closed THEN exit_reason ELSE 'still held' END AS "Ended by"
FROM round_trips
WHERE symbol IN (${market:sqlstring}) AND ($__timeFilter(entered_at) OR $__timeFilter(exited_at))
ORDER BY entered_at DESC

-- name: transfers
SELECT at AS "Declared", amount_krw AS "Amount", coalesce(note, 'adopted coins') AS "Note"
FROM transfers WHERE $__timeFilter(at) ORDER BY at DESC
