-- name: slippage
SELECT sum(slippage_bps * total_krw) / sum(total_krw) AS "Slippage" FROM execution_quality WHERE $__timeFilter(at)

-- name: slippage_cost
SELECT coalesce(sum(slippage_krw), 0) AS "Cost of slippage" FROM execution_quality WHERE $__timeFilter(at)

-- name: fees
SELECT coalesce(sum(fee_krw), 0) AS "Fees" FROM execution_quality WHERE $__timeFilter(at)

-- name: unfilled
SELECT count(*) AS "Without a fill" FROM execution_quality WHERE price_krw IS NULL AND $__timeFilter(at)

-- name: slippages
SELECT at AS time, side AS metric, slippage_bps AS "Slippage"
FROM execution_quality
WHERE symbol IN (${market:sqlstring}) AND slippage_bps IS NOT NULL AND $__timeFilter(at)
ORDER BY at, side

-- name: costs
SELECT date_trunc('day', at, 'Asia/Seoul') AS time, sum(fee_krw) AS "Fees", sum(slippage_krw) AS "Slippage"
FROM execution_quality
WHERE price_krw IS NOT NULL AND $__timeFilter(at)
GROUP BY 1 ORDER BY 1

-- name: by_role
SELECT
    role AS "Role",
    count(*) AS "Orders",
    count(price_krw) AS "With a fill",
    avg(slippage_bps) AS "Mean slippage",
    max(slippage_bps) AS "Worst slippage",
    sum(fee_krw) AS "Fees",
    avg(fee_fraction) AS "Fee",
    avg(filled_in_s) AS "Filled in"
FROM execution_quality
WHERE $__timeFilter(at)
GROUP BY role ORDER BY role

-- name: orders
SELECT
    at AS "Planned",
    symbol AS "Market",
    side AS "Side",
    status AS "Status",
    expected_krw AS "Expected",
    price_krw AS "Got",
    slippage_bps AS "Slippage",
    slippage_krw AS "Its cost",
    total_krw AS "Funds",
    fee_krw AS "Fee",
    fills AS "Fills",
    coalesce(error, reason) AS "Why"
FROM execution_quality
WHERE symbol IN (${market:sqlstring}) AND $__timeFilter(at)
ORDER BY at DESC LIMIT 30
