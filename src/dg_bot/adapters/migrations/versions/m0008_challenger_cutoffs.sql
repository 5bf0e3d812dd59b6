CREATE OR REPLACE VIEW decision_scores AS
WITH cutoff AS (
    SELECT (SELECT nullif(value #>> '{}', '')::date FROM bot_config WHERE key = 'LLM_CUTOFF') AS day
), cutoffs AS (
    SELECT split_part(named, '@', 1) AS model, max(nullif(split_part(named, '@', 2), ''))::date AS day
    FROM bot_config, regexp_split_to_table(value #>> '{}', ',') AS named
    WHERE key = 'CHALLENGERS' AND named LIKE 'llm:%'
    GROUP BY 1
), answered AS (
    SELECT c.cycle_id, c.symbol, c.opened_at, c.decision ->> 'action' AS decided, c.mark_price, later.close AS later_price
    FROM cycles AS c
    CROSS JOIN LATERAL (
        SELECT k.close
        FROM candles AS k
        WHERE k.symbol = c.symbol AND k.timeframe = '60m' AND k.timestamp < c.opened_at + interval '24 hours'
        ORDER BY k.timestamp DESC
        LIMIT 1
    ) AS later
    WHERE c.mark_price IS NOT NULL
        AND EXISTS (
            SELECT FROM candles AS k
            WHERE k.symbol = c.symbol AND k.timeframe = '60m' AND k.timestamp >= c.opened_at + interval '23 hours'
        )
)
SELECT
    o.opinion_id,
    a.cycle_id,
    a.symbol,
    a.opened_at,
    o.voice,
    o.model,
    o.action AS proposed,
    a.decided,
    o.confidence,
    o.problem,
    o.vetoed_by,
    a.mark_price,
    a.later_price,
    a.later_price / a.mark_price - 1 AS return_fraction,
    a.later_price / a.mark_price - 1 - 0.0014 AS net_fraction,
    CASE o.action
        WHEN 'buy' THEN a.later_price / a.mark_price - 1 > 0.0014
        WHEN 'sell' THEN a.later_price < a.mark_price
    END AS is_right,
    NOT o.has_read OR coalesce(
        (a.opened_at AT TIME ZONE 'UTC')::date > CASE WHEN o.model LIKE 'llm:%' THEN own.day ELSE cutoff.day END, false
    ) AS is_evidence
FROM answered AS a
JOIN opinions AS o USING (cycle_id)
CROSS JOIN cutoff
LEFT JOIN cutoffs AS own ON own.model = o.model;
COMMENT ON VIEW decision_scores IS 'What each model wanted, and what the market did in the 24 hours after it; 0.0014 are the costs of a round trip. What is_evidence denies, a language model may have read before it said it: LLM_CUTOFF of the last start, and for llm:MODEL its own in CHALLENGERS.';
