-- Every statement of the store. An insert that ends in a comparison returns a row count of zero exactly where the key is
-- taken by a different row; the same row again counts as one.

-- name: limit_transaction
SELECT set_config('statement_timeout', %(statement_timeout)s, true), set_config('lock_timeout', %(lock_timeout)s, true);

-- name: put_setting
INSERT INTO bot_config (key, value, updated_at) VALUES (%(key)s, %(value)s, %(at)s)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at
WHERE bot_config.updated_at <= excluded.updated_at;

-- name: drop_earlier_settings
DELETE FROM bot_config WHERE updated_at < %(at)s;

-- name: put_order
INSERT INTO orders AS kept (
    order_id, symbol, side, order_type, price, amount, status, cycle_id, role, reason, journal_sequence, created_at, updated_at
) VALUES (
    %(identifier)s, %(symbol)s, %(side)s, 'market', %(reference_krw)s, %(amount)s, 'open', %(cycle_id)s, %(role)s, %(reason)s,
    %(sequence)s, %(at)s, %(at)s
)
ON CONFLICT (order_id) DO UPDATE SET order_id = excluded.order_id
WHERE (kept.symbol, kept.side, kept.price, kept.amount, kept.cycle_id, kept.role, kept.created_at)
    = (excluded.symbol, excluded.side, excluded.price, excluded.amount, excluded.cycle_id, excluded.role, excluded.created_at);

-- name: find_order
SELECT symbol, side, journal_sequence FROM orders WHERE order_id = %(identifier)s FOR UPDATE;

-- name: answer_order
UPDATE orders SET
    status = %(status)s, error_message = %(error_name)s, venue_id = coalesce(%(venue_id)s, venue_id),
    journal_sequence = %(sequence)s, updated_at = %(at)s
WHERE order_id = %(identifier)s;

-- name: close_order
UPDATE orders SET
    status = %(status)s, filled_amount = %(filled_amount)s, journal_sequence = %(sequence)s, updated_at = %(at)s
WHERE order_id = %(identifier)s;

-- name: put_fill
INSERT INTO fills AS kept (trade_id, order_id, symbol, side, price, quantity, funds, executed_at)
VALUES (%(trade_id)s, %(identifier)s, %(symbol)s, %(side)s, %(price)s, %(quantity)s, %(funds)s, %(at)s)
ON CONFLICT (trade_id) DO UPDATE SET trade_id = excluded.trade_id
WHERE (kept.order_id, kept.symbol, kept.side, kept.price, kept.quantity, kept.funds, kept.executed_at)
    = (excluded.order_id, excluded.symbol, excluded.side, excluded.price, excluded.quantity, excluded.funds, excluded.executed_at);

-- name: put_trade
INSERT INTO trades AS kept (trade_id, symbol, side, price, amount, total, fee, status, created_at, updated_at)
VALUES (%(identifier)s, %(symbol)s, %(side)s, %(price)s, %(amount)s, %(total)s, %(fee)s, 'completed', %(at)s, %(at)s)
ON CONFLICT (trade_id) DO UPDATE SET trade_id = excluded.trade_id
WHERE (kept.symbol, kept.side, kept.price, kept.amount, kept.total, kept.fee, kept.status, kept.created_at)
    = (excluded.symbol, excluded.side, excluded.price, excluded.amount, excluded.total, excluded.fee, excluded.status,
       excluded.created_at);

-- name: drop_failed_cycle
-- A cycle that failed may run again in its hour, and what it left makes room for the later end.
WITH gone AS (
    DELETE FROM cycles
    WHERE cycle_id = %(cycle_id)s AND outcome = 'failed' AND completed_at < %(completed_at)s
    RETURNING cycle_id
), decisions AS (
    DELETE FROM ai_decisions USING gone WHERE ai_decisions.cycle_id = gone.cycle_id
), wanted AS (
    DELETE FROM opinions USING gone WHERE opinions.cycle_id = gone.cycle_id
)
DELETE FROM portfolio_snapshots USING gone WHERE portfolio_snapshots.cycle_id = gone.cycle_id;

-- name: put_cycle
INSERT INTO cycles AS kept (
    cycle_id, symbol, mode, outcome, stage, reason, gates, decision, proposed, votes, indicators, screen, durations, mark_price,
    slippage_bps, opened_at, completed_at
) VALUES (
    %(cycle_id)s, %(symbol)s, %(mode)s, %(outcome)s, %(stage)s, %(reason)s, %(gates)s, %(decision)s, %(proposed)s, %(votes)s,
    %(indicators)s, %(screen)s, %(durations)s, %(mark_price)s, %(slippage_bps)s, %(opened_at)s, %(completed_at)s
)
ON CONFLICT (cycle_id) DO UPDATE SET cycle_id = excluded.cycle_id
WHERE (kept.symbol, kept.mode, kept.outcome, kept.completed_at)
    = (excluded.symbol, excluded.mode, excluded.outcome, excluded.completed_at)
    OR (excluded.outcome = 'failed' AND excluded.completed_at < kept.completed_at);

-- name: note_capsule
-- A file that has gone since takes nothing from the row.
UPDATE cycles SET
    capsule = coalesce(%(capsule)s::bytea, CASE WHEN capsule_sha256 = %(sha256)s THEN capsule END),
    capsule_file = %(file)s, capsule_sha256 = %(sha256)s, capsule_bytes = %(size_bytes)s
WHERE cycle_id = %(cycle_id)s;

-- name: kept_capsule
SELECT capsule FROM cycles WHERE cycle_id = %(cycle_id)s AND capsule_sha256 = %(sha256)s;

-- name: put_decision
INSERT INTO ai_decisions (cycle_id, symbol, decision, confidence, source, reason, market_data, created_at)
VALUES (%(cycle_id)s, %(symbol)s, %(action)s, %(confidence_pct)s, %(source)s, %(reason)s, %(market_data)s, %(at)s)
ON CONFLICT (cycle_id) DO NOTHING;

-- name: put_opinion
INSERT INTO opinions (opinion_id, cycle_id, voice, model, action, confidence, has_read, problem, vetoed_by, created_at)
VALUES (
    %(opinion_id)s, %(cycle_id)s, %(voice)s, %(model)s, %(action)s, %(confidence)s, %(has_read)s, %(problem)s, %(vetoed_by)s, %(at)s
)
ON CONFLICT (opinion_id) DO NOTHING;

-- name: put_snapshot
INSERT INTO portfolio_snapshots (
    cycle_id, total_value_krw, total_value_usd, positions, free_krw, daily_pnl_fraction, weekly_pnl_fraction, is_safe_mode, created_at
) VALUES (
    %(cycle_id)s, %(equity_krw)s, round(%(equity_krw)s::numeric / %(usdt_krw)s::numeric, 2), %(positions)s, %(free_krw)s,
    %(daily_pnl_fraction)s, %(weekly_pnl_fraction)s, %(is_safe_mode)s, %(at)s
)
ON CONFLICT (cycle_id) DO NOTHING;

-- name: put_question
INSERT INTO llm_questions AS kept (journal_sequence, purpose, model, answer_kind, tokens, cost_krw, answered_at)
VALUES (%(sequence)s, %(purpose)s, %(model)s, %(kind)s, %(tokens)s, %(cost_krw)s, %(at)s)
ON CONFLICT (answered_at, journal_sequence) DO UPDATE SET journal_sequence = excluded.journal_sequence
WHERE (kept.purpose, kept.model, kept.answer_kind, kept.tokens, kept.cost_krw)
    = (excluded.purpose, excluded.model, excluded.answer_kind, excluded.tokens, excluded.cost_krw);

-- name: put_news
-- What was seen first stays: an address that comes again after years is no other news.
INSERT INTO news (url, source, title, published_at, fetched_at)
VALUES (%(url)s, %(source)s, %(title)s, %(published_at)s, %(at)s)
ON CONFLICT (url) DO NOTHING;

-- name: score_news
UPDATE news SET score = %(score)s, scored_at = %(at)s WHERE url = %(url)s AND score IS NULL;

-- name: put_log
INSERT INTO system_logs (journal_sequence, level, message, context, created_at)
VALUES (%(sequence)s, %(level)s, %(message)s, %(context)s, %(at)s)
ON CONFLICT (created_at, journal_sequence) DO NOTHING;

-- name: put_rejected
INSERT INTO rejected_records (journal_sequence, kind, body, error, recorded_at)
VALUES (%(sequence)s, %(kind)s, %(body)s, %(error)s, %(at)s)
ON CONFLICT (journal_sequence, recorded_at) DO NOTHING;

-- name: latest_trades
SELECT trade_id, symbol, side, price, amount, total, fee, status, created_at FROM trades
ORDER BY created_at DESC, id DESC LIMIT %(limit)s;

-- name: row_counts
SELECT 'trades', count(*) FROM trades
UNION ALL SELECT 'orders', count(*) FROM orders
UNION ALL SELECT 'fills', count(*) FROM fills
UNION ALL SELECT 'cycles', count(*) FROM cycles
UNION ALL SELECT 'ai_decisions', count(*) FROM ai_decisions
UNION ALL SELECT 'opinions', count(*) FROM opinions
UNION ALL SELECT 'portfolio_snapshots', count(*) FROM portfolio_snapshots
UNION ALL SELECT 'llm_questions', count(*) FROM llm_questions
UNION ALL SELECT 'system_logs', count(*) FROM system_logs
UNION ALL SELECT 'candles', count(*) FROM candles
UNION ALL SELECT 'rejected_records', count(*) FROM rejected_records;

-- name: stage_candles
CREATE TEMPORARY TABLE incoming_candles (
    opened_at bigint, open numeric, high numeric, low numeric, close numeric, volume numeric
) ON COMMIT DROP;

-- name: copy_candles
COPY incoming_candles (opened_at, open, high, low, close, volume) FROM STDIN;

-- name: add_candles
INSERT INTO candles (timestamp, timeframe, symbol, open, high, low, close, volume)
SELECT to_timestamp(opened_at), %(timeframe)s, %(symbol)s, open, high, low, close, volume FROM incoming_candles
ON CONFLICT (timestamp, timeframe, symbol) DO NOTHING;

-- name: kept_owner
SELECT
    (SELECT value #>> '{}' FROM bot_config WHERE key = 'mode'),
    (SELECT value #>> '{}' FROM bot_config WHERE key = 'ORDER_NAMESPACE');

-- name: notice_dead_peers
-- A client whose machine is gone leaves its session, and what that holds, for these seconds and not for hours.
SELECT
    set_config('tcp_keepalives_idle', '5', false), set_config('tcp_keepalives_interval', '2', false),
    set_config('tcp_keepalives_count', '3', false);

-- name: take_account
SELECT
    pg_try_advisory_lock(hashtextextended(%(account)s, 0)), pg_backend_pid(),
    (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid());

-- name: find_account_holder
-- Of another role's session only the number is shown.
SELECT concat_ws(
    ' ', 'session', pid, 'from ' || host(activity.client_addr), 'since ' || date_trunc('second', activity.backend_start)
)
FROM pg_locks AS held JOIN pg_stat_activity AS activity USING (pid)
WHERE held.locktype = 'advisory' AND held.granted AND held.objsubid = 1
    AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (held.classid::bigint << 32 | held.objid::bigint) = hashtextextended(%(account)s, 0);

-- name: end_session
SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity
WHERE pid = %(pid)s AND backend_start = %(started_at)s AND pid <> pg_backend_pid();

-- name: put_study
INSERT INTO studies (digest, symbol, strategy, timeframe, data_sha256, program_sha256, rules, stretches)
VALUES (
    %(digest)s, %(symbol)s, %(strategy)s, %(timeframe)s, %(data_sha256)s, %(program_sha256)s, %(rules)s, %(stretches)s
)
ON CONFLICT (digest) DO NOTHING;

-- name: find_study
SELECT study_id FROM studies WHERE digest = %(digest)s;

-- name: known_trials
SELECT wanted.place, trials.parameters, round_trips, total_return, sharpe, calmar, max_drawdown
FROM unnest(%(sets)s::jsonb[]) WITH ORDINALITY AS wanted (parameters, place)
JOIN trials ON trials.study_id = %(study_id)s AND trials.parameters = wanted.parameters;

-- name: stage_trials
CREATE TEMPORARY TABLE incoming_trials (LIKE trials) ON COMMIT DROP;

-- name: copy_trials
COPY incoming_trials (study_id, parameters, round_trips, total_return, sharpe, calmar, max_drawdown) FROM STDIN;

-- name: add_trials
INSERT INTO trials SELECT * FROM incoming_trials ON CONFLICT (study_id, parameters) DO NOTHING;

-- name: best_trials
-- A parameter lies within where the list of its values contains it.
SELECT parameters, round_trips, total_return, sharpe, calmar, max_drawdown FROM trials
WHERE study_id = %(study_id)s AND round_trips[%(stretch)s] >= %(fewest_trips)s
    AND NOT EXISTS (
        SELECT FROM jsonb_each(%(within)s) AS wanted WHERE NOT wanted.value @> (trials.parameters -> wanted.key)
    )
ORDER BY
    CASE %(objective)s
        WHEN 'sharpe' THEN sharpe[%(stretch)s] WHEN 'return' THEN total_return[%(stretch)s] ELSE calmar[%(stretch)s]
    END DESC NULLS LAST,
    parameters
LIMIT %(limit)s;

-- name: share_below
SELECT coalesce(avg(CASE WHEN figure < %(value)s THEN 1.0 WHEN figure = %(value)s THEN 0.5 ELSE 0.0 END), 0.0)::double precision
FROM (
    SELECT
        CASE %(objective)s
            WHEN 'sharpe' THEN sharpe[%(stretch)s] WHEN 'return' THEN total_return[%(stretch)s] ELSE calmar[%(stretch)s]
        END AS figure
    FROM trials
    WHERE study_id = %(study_id)s AND round_trips[%(stretch)s] >= %(fewest_trips)s
        AND NOT EXISTS (
            SELECT FROM jsonb_each(%(within)s) AS wanted WHERE NOT wanted.value @> (trials.parameters -> wanted.key)
        )
) AS figures
WHERE figure IS NOT NULL;

-- name: each_trial
SELECT parameters, round_trips, total_return, sharpe, calmar, max_drawdown FROM trials
WHERE study_id = %(study_id)s
    AND NOT EXISTS (
        SELECT FROM jsonb_each(%(within)s) AS wanted WHERE NOT wanted.value @> (trials.parameters -> wanted.key)
    )
ORDER BY parameters;

-- name: count_tried
SELECT count(*) FROM (
    SELECT DISTINCT rules, parameters FROM trials JOIN studies USING (study_id)
    WHERE symbol = %(symbol)s AND strategy = %(strategy)s AND timeframe = %(timeframe)s AND data_sha256 = %(data_sha256)s
) AS tried;

-- name: count_sets_tried
SELECT symbol, count(*) FROM (
    SELECT DISTINCT symbol, strategy, timeframe, parameters FROM trials JOIN studies USING (study_id)
    WHERE symbol = ANY(%(symbols)s)
) AS tried GROUP BY symbol;

-- name: limit_answer
SELECT set_config('statement_timeout', '4000ms', true), set_config('lock_timeout', '2000ms', true);

-- name: all_trades
SELECT trade_id, symbol, side, price, amount, total, fee, status, created_at FROM trades ORDER BY created_at, id;

-- name: equity_since
-- The first and the last equity that was noted since then, and no row where none was.
SELECT DISTINCT first_value(total_value_krw) OVER whole, last_value(total_value_krw) OVER whole
FROM portfolio_snapshots WHERE created_at >= %(since)s
WINDOW whole AS (ORDER BY created_at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING);

-- name: fees_since
SELECT coalesce(sum(fee), 0) FROM trades WHERE created_at >= %(since)s;

-- name: latest_logs
SELECT created_at, level, message FROM system_logs WHERE level <> 'info' ORDER BY created_at DESC, id DESC LIMIT %(limit)s;
