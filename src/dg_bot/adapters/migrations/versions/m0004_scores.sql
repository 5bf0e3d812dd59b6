ALTER TABLE cycles ADD COLUMN proposed jsonb;
COMMENT ON COLUMN cycles.proposed IS 'What the model wanted before screen, filters, validator and risk objected.';

CREATE VIEW decision_scores AS
SELECT
    c.cycle_id,
    c.symbol,
    c.opened_at,
    c.proposed ->> 'source' AS model,
    c.proposed ->> 'action' AS proposed,
    c.decision ->> 'action' AS decided,
    (c.proposed ->> 'confidence')::numeric AS confidence,
    c.mark_price,
    later.close AS later_price,
    later.close / c.mark_price - 1 AS return_fraction,
    later.close / c.mark_price - 1 - 0.0014 AS net_fraction,
    CASE c.proposed ->> 'action'
        WHEN 'buy' THEN later.close / c.mark_price - 1 > 0.0014
        WHEN 'sell' THEN later.close < c.mark_price
    END AS is_right
FROM cycles AS c
CROSS JOIN LATERAL (
    SELECT k.close
    FROM candles AS k
    WHERE k.symbol = c.symbol AND k.timeframe = '60m' AND k.timestamp < c.opened_at + interval '24 hours'
    ORDER BY k.timestamp DESC
    LIMIT 1
) AS later
WHERE c.proposed IS NOT NULL AND c.mark_price IS NOT NULL
    AND EXISTS (
        SELECT FROM candles AS k
        WHERE k.symbol = c.symbol AND k.timeframe = '60m' AND k.timestamp >= c.opened_at + interval '23 hours'
    );
COMMENT ON VIEW decision_scores IS 'What each model wanted, and what the market did in the 24 hours after it; 0.0014 are the costs of a round trip.';
