-- name: cost
SELECT coalesce(sum(cost_krw), 0) AS "Cost" FROM llm_spending WHERE $__timeFilter(answered_at)

-- name: questions
SELECT count(*) AS "Questions" FROM llm_spending WHERE $__timeFilter(answered_at)

-- name: usable
SELECT avg(is_usable::integer) AS "Usable" FROM llm_spending WHERE $__timeFilter(answered_at)

-- name: budget
SELECT coalesce(sum(cost_krw), 0) / nullif((SELECT llm_daily_krw FROM risk_limits), 0) AS "Of the day's budget"
FROM llm_spending
WHERE date_trunc('day', answered_at, 'Asia/Seoul') = date_trunc('day', $__timeTo()::timestamptz, 'Asia/Seoul')

-- name: scorecard
SELECT
    voice AS "Voice",
    model AS "Model",
    count(*) AS "Opinions",
    count(is_right) AS "Claims",
    avg(is_right::integer) AS "Right",
    avg(confidence) FILTER (WHERE is_right IS NOT NULL) AS "Confidence",
    avg(power(confidence - is_right::integer, 2)) AS "Brier score",
    avg(earned_fraction) FILTER (WHERE action = 'buy') AS "A buy earned",
    avg(earned_fraction) FILTER (WHERE action = 'sell') AS "A sell avoided",
    CASE WHEN bool_and(is_evidence) THEN 'yes' ELSE 'no: it may have read of it' END AS "Is evidence"
FROM model_opinions
WHERE symbol IN (${market:sqlstring}) AND $__timeFilter(opened_at)
GROUP BY voice, model ORDER BY voice, model

-- name: earned
SELECT time, who AS metric, sum(earned) OVER (PARTITION BY who ORDER BY time) AS "Earned"
FROM (
    SELECT date_trunc('day', opened_at, 'Asia/Seoul') AS time, voice || ' ' || model AS who, sum(earned_fraction) AS earned
    FROM model_opinions
    WHERE symbol IN (${market:sqlstring}) AND earned_fraction IS NOT NULL AND action = 'buy' AND $__timeFilter(opened_at)
    GROUP BY 1, 2
) AS days
ORDER BY 1, 2

-- name: calibration
SELECT
    model AS "Model",
    to_char(floor(confidence * 10) / 10, '0.0') || ' to ' || to_char(floor(confidence * 10) / 10 + 0.1, '0.0') AS "Confidence",
    count(*) AS "Claims",
    avg(confidence) AS "It said",
    avg(is_right::integer) AS "It was right"
FROM model_opinions
WHERE symbol IN (${market:sqlstring}) AND voice <> 'rules' AND is_right IS NOT NULL AND $__timeFilter(opened_at)
GROUP BY model, floor(confidence * 10) ORDER BY 1, 2

-- name: spending
SELECT date_trunc('day', answered_at, 'Asia/Seoul') AS time, sum(cost_krw) AS "Cost"
FROM llm_spending WHERE $__timeFilter(answered_at) GROUP BY 1 ORDER BY 1

-- name: answers
SELECT date_trunc('day', answered_at, 'Asia/Seoul') AS time, answer_kind AS metric, count(*) AS "Questions"
FROM llm_spending WHERE $__timeFilter(answered_at) GROUP BY 1, 2 ORDER BY 1, 2
