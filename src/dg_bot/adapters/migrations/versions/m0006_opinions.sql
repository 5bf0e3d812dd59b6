CREATE TABLE opinions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    opinion_id text NOT NULL UNIQUE CHECK (opinion_id <> ''),
    cycle_id varchar(100) NOT NULL,
    voice varchar(20) NOT NULL CHECK (voice IN ('champion', 'voter', 'rules', 'challenger')),
    model varchar(100) NOT NULL,
    action varchar(10) NOT NULL CHECK (action IN ('buy', 'sell', 'hold')),
    confidence numeric NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    has_read boolean NOT NULL,
    problem text,
    vetoed_by text,
    created_at timestamptz NOT NULL
);
CREATE INDEX opinions_cycle_id ON opinions (cycle_id);
CREATE INDEX opinions_created_at ON opinions USING brin (created_at);
COMMENT ON TABLE opinions IS 'Who wanted what in a cycle: the model that decided, voters, the strategy''s rules by themselves, challengers.';
COMMENT ON COLUMN opinions.has_read IS 'A language model had a say in it, which may have read of what came after, before its cut-off.';
COMMENT ON COLUMN opinions.problem IS 'How a challenger failed, whose HOLD is for want of a usable answer.';
COMMENT ON COLUMN opinions.vetoed_by IS 'What kept a BUY from being decided; where it is the validator, everything else let it pass.';

-- What is known of earlier cycles; the rules by themselves come back with doctor --rebuild-db.
INSERT INTO opinions (opinion_id, cycle_id, voice, model, action, confidence, has_read, vetoed_by, created_at)
SELECT
    c.cycle_id || '/champion/' || (c.proposed ->> 'source'), c.cycle_id, 'champion', c.proposed ->> 'source',
    c.proposed ->> 'action', (c.proposed ->> 'confidence')::numeric, c.proposed ->> 'source' IN ('llm', 'ensemble'),
    CASE WHEN c.proposed ->> 'action' = 'buy' AND c.decision ->> 'action' IS DISTINCT FROM 'buy' THEN coalesce(
        (
            SELECT split_part(g.gate ->> 'name', '.', 1) FROM jsonb_array_elements(c.gates) WITH ORDINALITY AS g (gate, place)
            WHERE g.gate ->> 'passed' = 'false' ORDER BY g.place LIMIT 1
        ),
        'model'
    ) END,
    c.completed_at
FROM cycles AS c
WHERE c.proposed IS NOT NULL
UNION ALL
SELECT
    c.cycle_id || '/voter/' || (vote ->> 'model'), c.cycle_id, 'voter', vote ->> 'model', vote ->> 'action',
    (vote ->> 'confidence')::numeric, vote ->> 'model' = 'llm', NULL, c.completed_at
FROM cycles AS c
CROSS JOIN LATERAL jsonb_array_elements(c.votes) AS vote;

DROP VIEW model_opinions;
DROP VIEW decision_scores;

CREATE VIEW decision_scores AS
WITH cutoff AS (
    SELECT (SELECT nullif(value #>> '{}', '')::date FROM bot_config WHERE key = 'LLM_CUTOFF') AS day
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
    NOT o.has_read OR coalesce((a.opened_at AT TIME ZONE 'UTC')::date > cutoff.day, false) AS is_evidence
FROM answered AS a
JOIN opinions AS o USING (cycle_id)
CROSS JOIN cutoff;
COMMENT ON VIEW decision_scores IS 'What each model wanted, and what the market did in the 24 hours after it; 0.0014 are the costs of a round trip. What is_evidence denies, a language model may have read before it said it: LLM_CUTOFF of the last start.';

COMMENT ON COLUMN decision_scores.opinion_id IS 'Cycle, voice and model.';
COMMENT ON COLUMN decision_scores.cycle_id IS 'Market and hour by exchange time.';
COMMENT ON COLUMN decision_scores.symbol IS 'The market.';
COMMENT ON COLUMN decision_scores.opened_at IS 'The hour of the cycle.';
COMMENT ON COLUMN decision_scores.voice IS 'champion (who decided), voter, rules (the strategy''s gates by themselves) or challenger.';
COMMENT ON COLUMN decision_scores.model IS 'Who wanted it.';
COMMENT ON COLUMN decision_scores.proposed IS 'buy, sell or hold.';
COMMENT ON COLUMN decision_scores.decided IS 'What the cycle decided.';
COMMENT ON COLUMN decision_scores.confidence IS 'How sure it was, 0 to 1.';
COMMENT ON COLUMN decision_scores.problem IS 'How a challenger failed, whose hold is for want of a usable answer.';
COMMENT ON COLUMN decision_scores.vetoed_by IS 'What kept a buy from being decided; where it is the validator, all else let it pass.';
COMMENT ON COLUMN decision_scores.mark_price IS 'The last price that the cycle saw.';
COMMENT ON COLUMN decision_scores.later_price IS 'The price 24 hours later.';
COMMENT ON COLUMN decision_scores.return_fraction IS 'What the price did in 24 hours.';
COMMENT ON COLUMN decision_scores.net_fraction IS 'The same after 0.0014 for a round trip.';
COMMENT ON COLUMN decision_scores.is_right IS 'Whether a buy earned its costs or a sell avoided a loss; null for a hold.';
COMMENT ON COLUMN decision_scores.is_evidence IS 'False where a language model may have read of that time.';

CREATE VIEW model_opinions AS
SELECT
    o.cycle_id,
    c.symbol,
    c.opened_at,
    o.voice,
    o.model,
    o.action,
    o.confidence,
    o.problem,
    o.vetoed_by,
    s.return_fraction::numeric AS return_fraction,
    CASE o.action WHEN 'buy' THEN s.return_fraction::numeric - 0.0014 WHEN 'sell' THEN -s.return_fraction::numeric END AS earned_fraction,
    s.is_right,
    s.is_evidence
FROM opinions AS o
JOIN cycles AS c USING (cycle_id)
LEFT JOIN decision_scores AS s USING (opinion_id);
COMMENT ON VIEW model_opinions IS
    'What the model, each member of an ensemble, the rules by themselves and each challenger wanted, and what the market did in the 24 hours after it.';
COMMENT ON COLUMN model_opinions.cycle_id IS 'Market and hour by exchange time.';
COMMENT ON COLUMN model_opinions.symbol IS 'The market.';
COMMENT ON COLUMN model_opinions.opened_at IS 'The hour of the cycle.';
COMMENT ON COLUMN model_opinions.voice IS 'champion (who decided), voter, rules (the strategy''s gates by themselves) or challenger.';
COMMENT ON COLUMN model_opinions.model IS 'Who wanted it.';
COMMENT ON COLUMN model_opinions.action IS 'buy, sell or hold.';
COMMENT ON COLUMN model_opinions.confidence IS 'How sure it was, 0 to 1.';
COMMENT ON COLUMN model_opinions.problem IS 'How a challenger failed, whose hold is for want of a usable answer.';
COMMENT ON COLUMN model_opinions.vetoed_by IS 'What kept a buy from being decided; where it is the validator, all else let it pass.';
COMMENT ON COLUMN model_opinions.return_fraction IS 'What the price did in 24 hours; null while they have not passed.';
COMMENT ON COLUMN model_opinions.earned_fraction IS 'What a buy would have earned after 0.0014 for a round trip, or what a sell avoided.';
COMMENT ON COLUMN model_opinions.is_right IS 'Whether a buy earned its costs or a sell avoided a loss; null for a hold.';
COMMENT ON COLUMN model_opinions.is_evidence IS 'False where a language model may have read of that time; null while the 24 hours have not passed.';

CREATE VIEW shadow_pnl AS
WITH booked AS (
    SELECT opened_at, symbol, 'champion' AS who, model, is_evidence, net_fraction
    FROM decision_scores WHERE voice = 'champion' AND proposed = 'buy'
    UNION ALL
    SELECT opened_at, symbol, 'validator vetoes', model, is_evidence, net_fraction
    FROM decision_scores WHERE voice = 'champion' AND vetoed_by = 'validator'
    UNION ALL
    SELECT opened_at, symbol, 'all vetoes', model, is_evidence, net_fraction
    FROM decision_scores WHERE voice = 'champion' AND vetoed_by IS NOT NULL
    UNION ALL
    SELECT opened_at, symbol, 'rules only', model, is_evidence, net_fraction
    FROM decision_scores WHERE voice = 'rules' AND proposed = 'buy'
    UNION ALL
    SELECT opened_at, symbol, voice, model, is_evidence, net_fraction
    FROM decision_scores WHERE voice IN ('challenger', 'voter') AND proposed = 'buy'
    UNION ALL
    SELECT opened_at, symbol, 'doing nothing', 'nobody', true, 0 FROM decision_scores WHERE voice = 'champion'
)
SELECT
    opened_at, symbol, who, model, is_evidence, net_fraction,
    sum(net_fraction) OVER (PARTITION BY who, model, is_evidence ORDER BY opened_at, symbol) AS cumulative_fraction
FROM booked;
COMMENT ON VIEW shadow_pnl IS 'What a stake of one would have won after costs at each BUY in 24 hours, and in sum: of the champion, of what was vetoed, of the rules by themselves, of challengers, and of doing nothing.';
COMMENT ON COLUMN shadow_pnl.opened_at IS 'The hour of the cycle.';
COMMENT ON COLUMN shadow_pnl.symbol IS 'The market.';
COMMENT ON COLUMN shadow_pnl.who IS
    'champion, validator vetoes (a part of all vetoes), all vetoes, rules only, challenger, voter, or doing nothing.';
COMMENT ON COLUMN shadow_pnl.model IS 'Whose opinion it was.';
COMMENT ON COLUMN shadow_pnl.is_evidence IS 'False where a language model may have read of that time.';
COMMENT ON COLUMN shadow_pnl.net_fraction IS 'What a stake of one would have won by this buy, after costs.';
COMMENT ON COLUMN shadow_pnl.cumulative_fraction IS 'The sum of them so far.';
