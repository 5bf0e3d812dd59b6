-- The same rows and columns as before, out of one view. Whether 24 hours have passed is asked of the newest candle of the market alone,
-- and prices are looked up for those cycles only that are asked for.
CREATE VIEW opinion_worth AS
WITH cutoff AS (
    SELECT (SELECT nullif(value #>> '{}', '')::date FROM bot_config WHERE key = 'LLM_CUTOFF') AS day
), cutoffs AS (
    SELECT split_part(named, '@', 1) AS model, max(nullif(split_part(named, '@', 2), ''))::date AS day
    FROM bot_config, regexp_split_to_table(value #>> '{}', ',') AS named
    WHERE key = 'CHALLENGERS' AND named LIKE 'llm:%'
    GROUP BY 1
), newest AS (
    SELECT symbol, max(timestamp) AS timestamp FROM candles WHERE timeframe = '60m' GROUP BY symbol
), answered AS (
    SELECT c.cycle_id, c.symbol, c.opened_at, c.decision ->> 'action' AS decided, c.mark_price, later.close AS later_price
    FROM cycles AS c
    LEFT JOIN newest
        ON newest.symbol = c.symbol AND newest.timestamp >= c.opened_at + interval '23 hours' AND c.mark_price IS NOT NULL
    LEFT JOIN LATERAL (
        SELECT k.close
        FROM candles AS k
        WHERE k.symbol = newest.symbol AND k.timeframe = '60m' AND k.timestamp < c.opened_at + interval '24 hours'
        ORDER BY k.timestamp DESC
        LIMIT 1
    ) AS later ON true
)
SELECT
    o.opinion_id,
    a.cycle_id,
    a.symbol,
    a.opened_at,
    o.voice,
    o.model,
    o.action,
    a.decided,
    o.confidence,
    o.problem,
    o.vetoed_by,
    a.mark_price,
    a.later_price,
    a.later_price / a.mark_price - 1 AS return_fraction,
    CASE o.action
        WHEN 'buy' THEN a.later_price / a.mark_price - 1 > 0.0014
        WHEN 'sell' THEN a.later_price < a.mark_price
    END AS is_right,
    CASE WHEN a.later_price IS NOT NULL THEN
        NOT o.has_read OR coalesce(
            (a.opened_at AT TIME ZONE 'UTC')::date > CASE WHEN o.model LIKE 'llm:%' THEN own.day ELSE cutoff.day END, false
        )
    END AS is_evidence
FROM answered AS a
JOIN opinions AS o USING (cycle_id)
CROSS JOIN cutoff
LEFT JOIN cutoffs AS own ON own.model = o.model;
COMMENT ON VIEW opinion_worth IS 'Each opinion with the price 24 hours later: what decision_scores and model_opinions are made of.';
COMMENT ON COLUMN opinion_worth.opinion_id IS 'Cycle, voice and model.';
COMMENT ON COLUMN opinion_worth.cycle_id IS 'Market and hour by exchange time.';
COMMENT ON COLUMN opinion_worth.symbol IS 'The market.';
COMMENT ON COLUMN opinion_worth.opened_at IS 'The hour of the cycle.';
COMMENT ON COLUMN opinion_worth.voice IS 'champion (who decided), voter, rules (the strategy''s gates by themselves) or challenger.';
COMMENT ON COLUMN opinion_worth.model IS 'Who wanted it.';
COMMENT ON COLUMN opinion_worth.action IS 'buy, sell or hold.';
COMMENT ON COLUMN opinion_worth.decided IS 'What the cycle decided.';
COMMENT ON COLUMN opinion_worth.confidence IS 'How sure it was, 0 to 1.';
COMMENT ON COLUMN opinion_worth.problem IS 'How a challenger failed, whose hold is for want of a usable answer.';
COMMENT ON COLUMN opinion_worth.vetoed_by IS 'What kept a buy from being decided; where it is the validator, all else let it pass.';
COMMENT ON COLUMN opinion_worth.mark_price IS 'The last price that the cycle saw.';
COMMENT ON COLUMN opinion_worth.later_price IS 'The price 24 hours later; null while they have not passed.';
COMMENT ON COLUMN opinion_worth.return_fraction IS 'What the price did in 24 hours; null while they have not passed.';
COMMENT ON COLUMN opinion_worth.is_right IS 'Whether a buy earned its costs or a sell avoided a loss; null for a hold.';
COMMENT ON COLUMN opinion_worth.is_evidence IS 'False where a language model may have read of that time; null while 24 hours have not passed.';

CREATE OR REPLACE VIEW decision_scores AS
SELECT
    opinion_id,
    cycle_id,
    symbol,
    opened_at,
    voice,
    model,
    action AS proposed,
    decided,
    confidence,
    problem,
    vetoed_by,
    mark_price,
    later_price,
    return_fraction,
    return_fraction - 0.0014 AS net_fraction,
    is_right,
    is_evidence
FROM opinion_worth
WHERE later_price IS NOT NULL;

CREATE OR REPLACE VIEW model_opinions AS
SELECT
    cycle_id,
    symbol,
    opened_at,
    voice,
    model,
    action,
    confidence,
    problem,
    vetoed_by,
    return_fraction::numeric AS return_fraction,
    CASE action WHEN 'buy' THEN return_fraction::numeric - 0.0014 WHEN 'sell' THEN -return_fraction::numeric END AS earned_fraction,
    is_right,
    is_evidence
FROM opinion_worth;
