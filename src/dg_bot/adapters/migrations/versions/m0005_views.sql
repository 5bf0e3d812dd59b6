-- What dashboards draw that no row had yet. Rows from before this migration have nothing in these columns.

ALTER TABLE cycles ADD COLUMN votes jsonb;
COMMENT ON COLUMN cycles.votes IS 'What each member of an ensemble wanted, with confidence and weight; empty where one model decided.';

ALTER TABLE portfolio_snapshots
    ADD COLUMN free_krw exact_nonnegative,
    ADD COLUMN daily_pnl_fraction numeric,
    ADD COLUMN weekly_pnl_fraction numeric,
    ADD COLUMN is_safe_mode boolean;
COMMENT ON COLUMN portfolio_snapshots.free_krw IS 'KRW that is not reserved by an order.';
COMMENT ON COLUMN portfolio_snapshots.daily_pnl_fraction IS 'Gain of the day in Seoul, of the equity that it began with.';
COMMENT ON COLUMN portfolio_snapshots.weekly_pnl_fraction IS 'Gain of the week in Seoul, of the equity that it began with.';
COMMENT ON COLUMN portfolio_snapshots.is_safe_mode IS 'Whether no new risk was taken at that time.';
COMMENT ON COLUMN portfolio_snapshots.positions IS
    'By symbol: amount in base, value in KRW, profit_rate as a fraction; average_cost, stop and target in KRW.';

CREATE TABLE llm_questions (
    journal_sequence bigint NOT NULL CHECK (journal_sequence > 0),
    purpose varchar(20) NOT NULL CHECK (purpose <> ''),
    model varchar(200) NOT NULL,
    answer_kind varchar(40) NOT NULL CHECK (answer_kind <> ''),
    tokens bigint NOT NULL CHECK (tokens >= 0),
    cost_krw exact_nonnegative NOT NULL,
    answered_at timestamptz NOT NULL,
    PRIMARY KEY (answered_at, journal_sequence)
);
COMMENT ON TABLE llm_questions IS 'One row a question to a language model that ended, the daily check question among them.';
COMMENT ON COLUMN llm_questions.answer_kind IS 'usable, or why the answer was a HOLD.';
COMMENT ON COLUMN llm_questions.cost_krw IS 'What was booked for it: the provider''s own count, or the most that it can have cost.';

-- A running product in 18 decimals: exact enough for a growth of years, and its digits do not grow with every factor.
CREATE FUNCTION chained(growth numeric, factor numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT round(growth * factor, 18)';
CREATE AGGREGATE running_product(numeric) (SFUNC = chained, STYPE = numeric, INITCOND = '1');

CREATE VIEW transfers AS
SELECT
    created_at AS at,
    CASE
        WHEN context ? 'mark_krw' THEN (context ->> 'quantity')::numeric * (context ->> 'mark_krw')::numeric
        WHEN context ->> 'currency' = 'KRW' THEN (context ->> 'amount')::numeric
    END AS amount_krw,
    context ->> 'note' AS note
FROM system_logs
WHERE context ? 'mark_krw' OR (context ->> 'currency' = 'KRW' AND context ? 'amount');
COMMENT ON VIEW transfers IS 'Money and coins that an operator moved, when they were declared or adopted: no gain and no loss.';
COMMENT ON COLUMN transfers.at IS 'When it was declared.';
COMMENT ON COLUMN transfers.amount_krw IS 'In KRW, negative when it left; adopted coins at the price of that moment.';
COMMENT ON COLUMN transfers.note IS 'What the operator wrote; null for adopted coins.';

CREATE VIEW portfolio_history AS
WITH hours AS (
    SELECT DISTINCT ON (date_trunc('hour', created_at)) created_at AS at, id, total_value_krw::numeric AS value_krw
    FROM portfolio_snapshots
    ORDER BY date_trunc('hour', created_at), created_at DESC, id DESC
), moments AS (
    SELECT at, id, value_krw, NULL::numeric AS transfer_krw FROM hours
    UNION ALL
    SELECT at, 0, NULL, amount_krw FROM transfers
), summed AS (
    SELECT at, id, value_krw, sum(coalesce(transfer_krw, 0)) OVER (ORDER BY at, id) AS paid_in_krw FROM moments
), stepped AS (
    SELECT
        at, id, value_krw, paid_in_krw,
        lag(value_krw) OVER in_order AS value_before, lag(paid_in_krw) OVER in_order AS paid_in_before
    FROM summed
    WHERE value_krw IS NOT NULL
    WINDOW in_order AS (ORDER BY at, id)
), grown AS (
    SELECT
        at, id, value_krw, paid_in_krw,
        running_product(
            CASE WHEN value_before > 0 THEN (value_krw - (paid_in_krw - paid_in_before)) / value_before ELSE 1 END
        ) OVER (ORDER BY at, id) AS growth
    FROM stepped
), bases AS MATERIALIZED (
    SELECT traded.symbol, base.close AS base_krw
    FROM (SELECT min(at) AS at FROM hours) AS beginning
    CROSS JOIN (SELECT DISTINCT symbol FROM cycles) AS traded
    CROSS JOIN LATERAL (
        SELECT close FROM candles
        WHERE symbol = traded.symbol AND timeframe = '60m' AND timestamp <= beginning.at - interval '1 hour'
        ORDER BY timestamp DESC LIMIT 1
    ) AS base
)
SELECT
    grown.at,
    grown.value_krw,
    first_value(grown.value_krw - grown.paid_in_krw) OVER (ORDER BY grown.at, grown.id) + grown.paid_in_krw AS paid_in_krw,
    grown.growth - 1 AS return_fraction,
    held.return_fraction AS hold_return_fraction,
    grown.growth / greatest(1, max(grown.growth) OVER (ORDER BY grown.at, grown.id)) - 1 AS drawdown_fraction
FROM grown
LEFT JOIN LATERAL (
    SELECT avg(last.close / bases.base_krw) - 1 AS return_fraction
    FROM bases
    CROSS JOIN LATERAL (
        SELECT close FROM candles
        WHERE symbol = bases.symbol AND timeframe = '60m' AND timestamp <= grown.at - interval '1 hour'
        ORDER BY timestamp DESC LIMIT 1
    ) AS last
) AS held ON true;
COMMENT ON VIEW portfolio_history IS 'The account at the end of the last cycle of each hour, with transfers taken out of its returns.';
COMMENT ON COLUMN portfolio_history.at IS 'When the cycle ended.';
COMMENT ON COLUMN portfolio_history.value_krw IS 'KRW and coins of the bot at the last price.';
COMMENT ON COLUMN portfolio_history.paid_in_krw IS 'The first value and every transfer since: what would be there without a gain.';
COMMENT ON COLUMN portfolio_history.return_fraction IS 'Gain since the first value, chained over transfers.';
COMMENT ON COLUMN portfolio_history.hold_return_fraction IS
    'Gain of holding the traded markets in equal parts since the first value, without costs; null where candles are missing.';
COMMENT ON COLUMN portfolio_history.drawdown_fraction IS 'Fall from the best return so far, 0 or negative.';

CREATE VIEW daily_returns AS
SELECT
    day,
    value_krw,
    (1 + return_fraction) / (1 + lag(return_fraction, 1, 0) OVER (ORDER BY day)) - 1 AS return_fraction,
    (1 + hold_return_fraction) / (1 + lag(hold_return_fraction, 1, 0) OVER (ORDER BY day)) - 1 AS hold_return_fraction
FROM (
    SELECT DISTINCT ON (date_trunc('day', at, 'Asia/Seoul'))
        date_trunc('day', at, 'Asia/Seoul') AS day, value_krw, return_fraction, hold_return_fraction
    FROM portfolio_history
    ORDER BY date_trunc('day', at, 'Asia/Seoul'), at DESC
) AS ends;
COMMENT ON VIEW daily_returns IS 'Each day in Seoul beside holding.';
COMMENT ON COLUMN daily_returns.day IS 'When the day began in Seoul.';
COMMENT ON COLUMN daily_returns.value_krw IS 'The account at the end of the last cycle of the day.';
COMMENT ON COLUMN daily_returns.return_fraction IS 'Gain of the day, without transfers.';
COMMENT ON COLUMN daily_returns.hold_return_fraction IS 'Gain of holding the traded markets in equal parts from the very beginning.';

CREATE VIEW monthly_returns AS
SELECT
    month,
    value_krw,
    (1 + return_fraction) / (1 + lag(return_fraction, 1, 0) OVER (ORDER BY month)) - 1 AS return_fraction,
    (1 + hold_return_fraction) / (1 + lag(hold_return_fraction, 1, 0) OVER (ORDER BY month)) - 1 AS hold_return_fraction
FROM (
    SELECT DISTINCT ON (date_trunc('month', at, 'Asia/Seoul'))
        date_trunc('month', at, 'Asia/Seoul') AS month, value_krw, return_fraction, hold_return_fraction
    FROM portfolio_history
    ORDER BY date_trunc('month', at, 'Asia/Seoul'), at DESC
) AS ends;
COMMENT ON VIEW monthly_returns IS 'Each month in Seoul beside holding.';
COMMENT ON COLUMN monthly_returns.month IS 'When the month began in Seoul.';
COMMENT ON COLUMN monthly_returns.value_krw IS 'The account at the end of the last cycle of the month.';
COMMENT ON COLUMN monthly_returns.return_fraction IS 'Gain of the month, without transfers.';
COMMENT ON COLUMN monthly_returns.hold_return_fraction IS 'Gain of holding the traded markets in equal parts from the very beginning.';

CREATE VIEW execution_quality AS
SELECT
    o.order_id,
    o.created_at AS at,
    o.symbol,
    o.side,
    o.role,
    o.reason,
    o.status,
    o.error_message AS error,
    o.price::numeric AS expected_krw,
    t.price::numeric AS price_krw,
    t.amount::numeric AS quantity,
    t.total::numeric AS total_krw,
    t.fee::numeric AS fee_krw,
    t.fee / t.total AS fee_fraction,
    CASE o.side WHEN 'buy' THEN t.price / o.price - 1 ELSE 1 - t.price / o.price END * 10000 AS slippage_bps,
    CASE o.side WHEN 'buy' THEN t.price - o.price ELSE o.price - t.price END * t.amount AS slippage_krw,
    f.fills,
    extract(epoch FROM f.last_at - o.created_at) AS filled_in_s
FROM orders AS o
LEFT JOIN trades AS t ON t.trade_id = o.order_id
LEFT JOIN LATERAL (
    SELECT count(*) AS fills, max(executed_at) AS last_at FROM fills WHERE fills.order_id = o.order_id
) AS f ON true;
COMMENT ON VIEW execution_quality IS 'Each order with the price at its decision beside what was paid; without a trade where nothing was executed.';
COMMENT ON COLUMN execution_quality.order_id IS 'Our identifier.';
COMMENT ON COLUMN execution_quality.at IS 'When the order was planned.';
COMMENT ON COLUMN execution_quality.symbol IS 'The market.';
COMMENT ON COLUMN execution_quality.side IS 'buy or sell.';
COMMENT ON COLUMN execution_quality.role IS 'entry, exit (by risk or the strategy''s exit rules) or sell (by decision).';
COMMENT ON COLUMN execution_quality.reason IS 'The decision or the exit rule, in words.';
COMMENT ON COLUMN execution_quality.status IS 'open, filled, cancelled or failed.';
COMMENT ON COLUMN execution_quality.error IS 'The venue''s name for a refusal, or what broke.';
COMMENT ON COLUMN execution_quality.expected_krw IS 'The price at decision.';
COMMENT ON COLUMN execution_quality.price_krw IS 'The average price that was paid or got.';
COMMENT ON COLUMN execution_quality.quantity IS 'Executed quantity, in base.';
COMMENT ON COLUMN execution_quality.total_krw IS 'Funds before the fee.';
COMMENT ON COLUMN execution_quality.fee_krw IS 'Fee paid.';
COMMENT ON COLUMN execution_quality.fee_fraction IS 'Fee over funds.';
COMMENT ON COLUMN execution_quality.slippage_bps IS 'Price against the expected one in 0.0001, positive when worse for us.';
COMMENT ON COLUMN execution_quality.slippage_krw IS 'The same in KRW, over the executed quantity.';
COMMENT ON COLUMN execution_quality.fills IS 'Trades at the venue that it took.';
COMMENT ON COLUMN execution_quality.filled_in_s IS 'Seconds from the plan to the last of them.';

CREATE VIEW round_trips AS
WITH moves AS (
    SELECT t.created_at AS at, t.id, t.symbol, t.side, t.amount::numeric, t.total::numeric, t.fee::numeric, t.price::numeric, o.reason
    FROM trades AS t LEFT JOIN orders AS o ON o.order_id = t.trade_id
    UNION ALL
    SELECT
        created_at, 0, context ->> 'market', 'buy', (context ->> 'quantity')::numeric,
        (context ->> 'quantity')::numeric * (context ->> 'cost_krw')::numeric, 0, (context ->> 'cost_krw')::numeric, 'adopted'
    FROM system_logs
    WHERE context ? 'cost_krw'
), summed AS (
    SELECT *, sum(CASE side WHEN 'buy' THEN amount ELSE -amount END) OVER in_order AS held
    FROM moves
    WINDOW in_order AS (PARTITION BY symbol ORDER BY at, id)
), judged AS (
    SELECT *, coalesce(lag(held * price) OVER (PARTITION BY symbol ORDER BY at, id), 0) < 5000 AS was_flat FROM summed
), numbered AS (
    SELECT *, count(*) FILTER (WHERE was_flat AND side = 'buy') OVER (PARTITION BY symbol ORDER BY at, id) AS trip FROM judged
), trips AS (
    SELECT
        symbol,
        min(at) AS entered_at,
        max(at) AS last_at,
        sum(total + fee) FILTER (WHERE side = 'buy') AS paid_krw,
        coalesce(sum(total - fee) FILTER (WHERE side = 'sell'), 0) AS got_krw,
        sum(total) FILTER (WHERE side = 'buy') / sum(amount) FILTER (WHERE side = 'buy') AS entry_krw,
        sum(total) FILTER (WHERE side = 'sell') / sum(amount) FILTER (WHERE side = 'sell') AS exit_krw,
        (array_agg(held * price ORDER BY at DESC, id DESC))[1] < 5000 AS is_closed,
        (array_agg(reason ORDER BY at DESC, id DESC))[1] AS reason
    FROM numbered
    WHERE trip > 0
    GROUP BY symbol, trip
)
SELECT
    symbol,
    entered_at,
    CASE WHEN is_closed THEN last_at END AS exited_at,
    entry_krw,
    CASE WHEN is_closed THEN exit_krw END AS exit_krw,
    paid_krw,
    CASE WHEN is_closed THEN got_krw - paid_krw END AS pnl_krw,
    CASE WHEN is_closed THEN got_krw / paid_krw - 1 END AS pnl_fraction,
    CASE WHEN is_closed THEN reason END AS exit_reason,
    is_closed
FROM trips;
COMMENT ON VIEW round_trips IS 'From flat to flat on each market; a rest worth less than 5,000 KRW, which the venue takes no order for, counts as flat.';
COMMENT ON COLUMN round_trips.symbol IS 'The market.';
COMMENT ON COLUMN round_trips.entered_at IS 'When its first order closed, or when coins were adopted.';
COMMENT ON COLUMN round_trips.exited_at IS 'When its last order closed; null while it is held.';
COMMENT ON COLUMN round_trips.entry_krw IS 'Average price of what was bought.';
COMMENT ON COLUMN round_trips.exit_krw IS 'Average price of what was sold; null while it is held.';
COMMENT ON COLUMN round_trips.paid_krw IS 'What its purchases took, fees included.';
COMMENT ON COLUMN round_trips.pnl_krw IS 'Gain after fees; null while it is held.';
COMMENT ON COLUMN round_trips.pnl_fraction IS 'Gain over what was paid; null while it is held.';
COMMENT ON COLUMN round_trips.exit_reason IS 'The rule or decision that sold last; null while it is held.';
COMMENT ON COLUMN round_trips.is_closed IS 'Whether all of it was sold.';

CREATE VIEW position_history AS
SELECT
    s.created_at AS at,
    held.symbol,
    (held.position ->> 'amount')::numeric AS quantity,
    (held.position ->> 'value')::numeric AS value_krw,
    (held.position ->> 'value')::numeric / nullif(s.total_value_krw, 0) AS exposure_fraction,
    (held.position ->> 'profit_rate')::numeric AS profit_fraction,
    (held.position ->> 'average_cost')::numeric AS average_cost_krw,
    (held.position ->> 'stop')::numeric AS stop_krw,
    (held.position ->> 'target')::numeric AS target_krw
FROM portfolio_snapshots AS s
CROSS JOIN LATERAL jsonb_each(s.positions) AS held (symbol, position);
COMMENT ON VIEW position_history IS 'Each position at the end of each cycle.';
COMMENT ON COLUMN position_history.at IS 'When the cycle ended.';
COMMENT ON COLUMN position_history.symbol IS 'The market.';
COMMENT ON COLUMN position_history.quantity IS 'Held by the bot, in base.';
COMMENT ON COLUMN position_history.value_krw IS 'At the last price.';
COMMENT ON COLUMN position_history.exposure_fraction IS 'Value over the whole account.';
COMMENT ON COLUMN position_history.profit_fraction IS 'Last price over average cost, less one.';
COMMENT ON COLUMN position_history.average_cost_krw IS 'Paid for one coin that is still held, fees included.';
COMMENT ON COLUMN position_history.stop_krw IS 'The price at which the guard sells at a loss, the tightest of all rules.';
COMMENT ON COLUMN position_history.target_krw IS 'The price at which the guard takes the profit.';

CREATE VIEW risk_history AS
SELECT
    s.created_at AS at,
    s.daily_pnl_fraction,
    s.weekly_pnl_fraction,
    coalesce(held.value_krw, 0) / nullif(s.total_value_krw, 0) AS exposure_fraction,
    held.positions,
    s.is_safe_mode
FROM portfolio_snapshots AS s
CROSS JOIN LATERAL (
    SELECT count(*) AS positions, sum((position ->> 'value')::numeric) AS value_krw FROM jsonb_each(s.positions) AS each (symbol, position)
) AS held;
COMMENT ON VIEW risk_history IS 'What the limits are held against, at the end of each cycle.';
COMMENT ON COLUMN risk_history.at IS 'When the cycle ended.';
COMMENT ON COLUMN risk_history.daily_pnl_fraction IS 'Gain of the day in Seoul, of the equity that it began with.';
COMMENT ON COLUMN risk_history.weekly_pnl_fraction IS 'Gain of the week in Seoul, of the equity that it began with.';
COMMENT ON COLUMN risk_history.exposure_fraction IS 'Value of all positions over the whole account.';
COMMENT ON COLUMN risk_history.positions IS 'How many markets are held.';
COMMENT ON COLUMN risk_history.is_safe_mode IS 'Whether no new risk was taken.';

CREATE VIEW risk_limits AS
SELECT
    -max(value #>> '{}') FILTER (WHERE key = 'RISK_DAILY_LOSS_FRACTION')::numeric AS daily_loss_fraction,
    -max(value #>> '{}') FILTER (WHERE key = 'RISK_WEEKLY_LOSS_FRACTION')::numeric AS weekly_loss_fraction,
    max(value #>> '{}') FILTER (WHERE key = 'RISK_MAX_EXPOSURE_FRACTION')::numeric AS exposure_fraction,
    max(value #>> '{}') FILTER (WHERE key = 'RISK_MAX_POSITIONS')::numeric AS positions,
    max(value #>> '{}') FILTER (WHERE key = 'LLM_DAILY_KRW')::numeric AS llm_daily_krw
FROM bot_config;
COMMENT ON VIEW risk_limits IS 'The limits of the last start, in one row.';
COMMENT ON COLUMN risk_limits.daily_loss_fraction IS 'The gain of a day at which safe mode begins, negative.';
COMMENT ON COLUMN risk_limits.weekly_loss_fraction IS 'The gain of a week at which safe mode begins, negative.';
COMMENT ON COLUMN risk_limits.exposure_fraction IS 'Most value of all positions over the account.';
COMMENT ON COLUMN risk_limits.positions IS 'Most markets held at once.';
COMMENT ON COLUMN risk_limits.llm_daily_krw IS 'Most that a language model may cost in a day in Seoul.';

CREATE VIEW safe_mode_periods AS
SELECT
    entered.created_at AS entered_at,
    ended.created_at AS left_at,
    entered.context ->> 'reason' AS reason,
    ended.context ->> 'by' AS left_by
FROM system_logs AS entered
LEFT JOIN LATERAL (
    SELECT created_at, context FROM system_logs
    WHERE created_at >= entered.created_at AND journal_sequence > entered.journal_sequence AND message LIKE 'safe mode left by %'
    ORDER BY created_at, journal_sequence LIMIT 1
) AS ended ON true
WHERE entered.level = 'critical' AND entered.message LIKE 'safe mode entered: %';
COMMENT ON VIEW safe_mode_periods IS 'Each time in which no new risk was taken.';
COMMENT ON COLUMN safe_mode_periods.entered_at IS 'When it began.';
COMMENT ON COLUMN safe_mode_periods.left_at IS 'When it ended; null while it lasts.';
COMMENT ON COLUMN safe_mode_periods.reason IS 'Why it began.';
COMMENT ON COLUMN safe_mode_periods.left_by IS 'operator or timer.';

CREATE VIEW cycle_outcomes AS
SELECT
    c.cycle_id,
    c.symbol,
    c.opened_at,
    c.completed_at,
    c.mode,
    c.outcome,
    c.stage,
    c.reason,
    stopped.gate ->> 'name' AS stopping_gate,
    stopped.gate ->> 'value' AS found,
    stopped.gate ->> 'limit' AS demanded,
    c.proposed ->> 'action' AS proposed,
    c.decision ->> 'action' AS decided,
    (c.decision ->> 'confidence')::numeric AS confidence,
    c.mark_price::numeric AS mark_krw,
    extract(epoch FROM c.completed_at - c.opened_at) AS done_after_s,
    (c.durations ->> 'risk_check')::numeric AS risk_check_ms,
    (c.durations ->> 'data_collection')::numeric AS data_collection_ms,
    (c.durations ->> 'analysis')::numeric AS analysis_ms,
    (c.durations ->> 'execution')::numeric AS execution_ms
FROM cycles AS c
LEFT JOIN LATERAL (
    SELECT gate FROM jsonb_array_elements(c.gates) WITH ORDINALITY AS each (gate, place)
    WHERE gate ->> 'name' = split_part(c.reason, ':', 1) AND NOT (gate ->> 'passed')::boolean
    ORDER BY place LIMIT 1
) AS stopped ON true;
COMMENT ON VIEW cycle_outcomes IS 'Each cycle with how it ended, and the one gate that kept it from an order.';
COMMENT ON COLUMN cycle_outcomes.cycle_id IS 'Market and hour by exchange time.';
COMMENT ON COLUMN cycle_outcomes.symbol IS 'The market.';
COMMENT ON COLUMN cycle_outcomes.opened_at IS 'The hour of the cycle.';
COMMENT ON COLUMN cycle_outcomes.completed_at IS 'When it ended.';
COMMENT ON COLUMN cycle_outcomes.mode IS 'demo, paper or live.';
COMMENT ON COLUMN cycle_outcomes.outcome IS 'traded, held, halted or failed.';
COMMENT ON COLUMN cycle_outcomes.stage IS 'The stage that ended it.';
COMMENT ON COLUMN cycle_outcomes.reason IS 'Why it ended so, in words.';
COMMENT ON COLUMN cycle_outcomes.stopping_gate IS 'The gate that the reason names; null where none stopped it.';
COMMENT ON COLUMN cycle_outcomes.found IS 'What that gate found.';
COMMENT ON COLUMN cycle_outcomes.demanded IS 'What it demands.';
COMMENT ON COLUMN cycle_outcomes.proposed IS 'What the model wanted before anything objected.';
COMMENT ON COLUMN cycle_outcomes.decided IS 'What remained of it.';
COMMENT ON COLUMN cycle_outcomes.confidence IS 'Of the decision, 0 to 1.';
COMMENT ON COLUMN cycle_outcomes.mark_krw IS 'The last price that the cycle saw.';
COMMENT ON COLUMN cycle_outcomes.done_after_s IS 'Seconds from the hour to its end.';
COMMENT ON COLUMN cycle_outcomes.risk_check_ms IS 'Time of stage 1.';
COMMENT ON COLUMN cycle_outcomes.data_collection_ms IS 'Time of stage 2.';
COMMENT ON COLUMN cycle_outcomes.analysis_ms IS 'Time of stage 3.';
COMMENT ON COLUMN cycle_outcomes.execution_ms IS 'Time of stage 4.';

CREATE VIEW gate_outcomes AS
SELECT
    c.cycle_id,
    c.symbol,
    c.opened_at,
    each.place,
    each.gate ->> 'name' AS gate,
    each.gate ->> 'value' AS found,
    each.gate ->> 'limit' AS demanded,
    (each.gate ->> 'passed')::boolean AS is_passed
FROM cycles AS c
CROSS JOIN LATERAL jsonb_array_elements(c.gates) WITH ORDINALITY AS each (gate, place);
COMMENT ON VIEW gate_outcomes IS 'Each gate of each cycle.';
COMMENT ON COLUMN gate_outcomes.cycle_id IS 'Market and hour by exchange time.';
COMMENT ON COLUMN gate_outcomes.symbol IS 'The market.';
COMMENT ON COLUMN gate_outcomes.opened_at IS 'The hour of the cycle.';
COMMENT ON COLUMN gate_outcomes.place IS 'Its place among the cycle''s gates, from 1.';
COMMENT ON COLUMN gate_outcomes.gate IS 'Its name.';
COMMENT ON COLUMN gate_outcomes.found IS 'What was found.';
COMMENT ON COLUMN gate_outcomes.demanded IS 'What was demanded.';
COMMENT ON COLUMN gate_outcomes.is_passed IS 'Whether it let the cycle pass.';

CREATE VIEW model_opinions AS
WITH later AS (
    SELECT cycle_id, return_fraction::numeric AS return_fraction FROM decision_scores
), opinions AS (
    SELECT cycle_id, symbol, opened_at, proposed ->> 'source' AS model, proposed ->> 'action' AS action,
        (proposed ->> 'confidence')::numeric AS confidence
    FROM cycles
    WHERE proposed IS NOT NULL
    UNION ALL
    SELECT c.cycle_id, c.symbol, c.opened_at, vote ->> 'model', vote ->> 'action', (vote ->> 'confidence')::numeric
    FROM cycles AS c
    CROSS JOIN LATERAL jsonb_array_elements(c.votes) AS vote
)
SELECT
    o.cycle_id,
    o.symbol,
    o.opened_at,
    o.model,
    o.action,
    o.confidence,
    later.return_fraction,
    CASE o.action WHEN 'buy' THEN later.return_fraction - 0.0014 WHEN 'sell' THEN -later.return_fraction END AS earned_fraction,
    CASE o.action WHEN 'buy' THEN later.return_fraction > 0.0014 WHEN 'sell' THEN later.return_fraction < 0 END AS is_right
FROM opinions AS o
LEFT JOIN later USING (cycle_id);
COMMENT ON VIEW model_opinions IS 'What each model and each member of an ensemble wanted, and what the market did in the 24 hours after it.';
COMMENT ON COLUMN model_opinions.cycle_id IS 'Market and hour by exchange time.';
COMMENT ON COLUMN model_opinions.symbol IS 'The market.';
COMMENT ON COLUMN model_opinions.opened_at IS 'The hour of the cycle.';
COMMENT ON COLUMN model_opinions.model IS 'Who wanted it.';
COMMENT ON COLUMN model_opinions.action IS 'buy, sell or hold.';
COMMENT ON COLUMN model_opinions.confidence IS 'How sure it was, 0 to 1.';
COMMENT ON COLUMN model_opinions.return_fraction IS 'What the price did in 24 hours; null while they have not passed.';
COMMENT ON COLUMN model_opinions.earned_fraction IS 'What a buy would have earned after 0.0014 for a round trip, or what a sell avoided.';
COMMENT ON COLUMN model_opinions.is_right IS 'Whether a buy earned its costs or a sell avoided a loss; null for a hold.';

CREATE VIEW llm_spending AS
SELECT
    answered_at,
    purpose,
    model,
    answer_kind,
    answer_kind = 'usable' AS is_usable,
    tokens,
    cost_krw::numeric AS cost_krw
FROM llm_questions;
COMMENT ON VIEW llm_spending IS 'Each question to a language model with what it cost.';
COMMENT ON COLUMN llm_spending.answered_at IS 'When it ended.';
COMMENT ON COLUMN llm_spending.purpose IS 'decision, or canary for the daily check.';
COMMENT ON COLUMN llm_spending.model IS 'Who was asked.';
COMMENT ON COLUMN llm_spending.answer_kind IS 'usable, or why the answer was a HOLD.';
COMMENT ON COLUMN llm_spending.is_usable IS 'Whether the answer could be used.';
COMMENT ON COLUMN llm_spending.tokens IS 'Read and written.';
COMMENT ON COLUMN llm_spending.cost_krw IS 'What was booked for it.';

CREATE VIEW prices AS
SELECT timestamp + interval '1 hour' AS at, symbol, open::numeric, high::numeric, low::numeric, close::numeric, volume::numeric
FROM candles
WHERE timeframe = '60m' AND symbol IN (SELECT symbol FROM cycles);
COMMENT ON VIEW prices IS 'The hourly candles of the markets that the bot has looked at.';
COMMENT ON COLUMN prices.at IS 'When the candle closed.';
COMMENT ON COLUMN prices.symbol IS 'The market.';
COMMENT ON COLUMN prices.open IS 'First price of the hour, in KRW.';
COMMENT ON COLUMN prices.high IS 'Highest price.';
COMMENT ON COLUMN prices.low IS 'Lowest price.';
COMMENT ON COLUMN prices.close IS 'Last price.';
COMMENT ON COLUMN prices.volume IS 'In base.';

CREATE VIEW attention AS
SELECT created_at AS at, level, context ->> 'kind' AS kind, message
FROM system_logs
WHERE level <> 'info';
COMMENT ON VIEW attention IS 'What an operator should have seen: alarms, safe mode, records that were set aside.';
COMMENT ON COLUMN attention.at IS 'When it was recorded.';
COMMENT ON COLUMN attention.level IS 'warning, error or critical.';
COMMENT ON COLUMN attention.kind IS 'Groups repeats; null where it has none.';
COMMENT ON COLUMN attention.message IS 'In words.';

CREATE VIEW freshness AS
SELECT
    (SELECT max(completed_at) FROM cycles) AS last_cycle_at,
    (SELECT max(completed_at) FROM cycles WHERE outcome <> 'failed') AS last_good_cycle_at,
    (SELECT max(timestamp) + interval '1 hour' FROM candles WHERE timeframe = '60m') AS last_candle_at,
    (SELECT count(*) FROM orders WHERE status = 'open') AS open_orders,
    (SELECT count(*) FROM rejected_records) AS rejected_records,
    (SELECT value #>> '{}' FROM bot_config WHERE key = 'version') AS version,
    (SELECT value #>> '{}' FROM bot_config WHERE key = 'mode') AS mode,
    (SELECT max(updated_at) FROM bot_config) AS started_at;
COMMENT ON VIEW freshness IS 'How new the newest rows are, in one row: they grow old when the bot or its outbox stands still.';
COMMENT ON COLUMN freshness.last_cycle_at IS 'When the newest cycle ended.';
COMMENT ON COLUMN freshness.last_good_cycle_at IS 'When the newest one ended that did not fail.';
COMMENT ON COLUMN freshness.last_candle_at IS 'When the newest candle closed.';
COMMENT ON COLUMN freshness.open_orders IS 'Orders whose end is not known here.';
COMMENT ON COLUMN freshness.rejected_records IS 'Journal records that the tables refused, ever.';
COMMENT ON COLUMN freshness.version IS 'Of the program, at its last start.';
COMMENT ON COLUMN freshness.mode IS 'demo, paper or live.';
COMMENT ON COLUMN freshness.started_at IS 'When the program started last.';
