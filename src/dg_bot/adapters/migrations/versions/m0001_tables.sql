-- Amounts are plain numeric: a column of numeric(20,8) would round a fee of ten decimals and overflow at 10^12 won,
-- and rows must equal the journal to the last decimal. The domains keep out NaN and the infinities, which PostgreSQL
-- sorts above every number. Times are exchange time, which may step back by its correction, so no column demands an order.
CREATE DOMAIN exact_positive AS numeric CHECK (VALUE > 0 AND VALUE < 'Infinity');
CREATE DOMAIN exact_nonnegative AS numeric CHECK (VALUE >= 0 AND VALUE < 'Infinity');

CREATE TABLE trades (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    trade_id varchar(100) NOT NULL UNIQUE CHECK (trade_id <> ''),
    symbol varchar(20) NOT NULL,
    side varchar(10) NOT NULL CHECK (side IN ('buy', 'sell')),
    price exact_positive NOT NULL,
    amount exact_positive NOT NULL,
    total exact_positive NOT NULL,
    fee exact_nonnegative NOT NULL DEFAULT 0,
    status varchar(20) NOT NULL CHECK (status IN ('completed', 'pending', 'failed')),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX trades_symbol_created_at ON trades (symbol, created_at DESC);
CREATE INDEX trades_created_at ON trades (created_at DESC);
COMMENT ON TABLE trades IS 'One row a closed order with executed quantity.';
COMMENT ON COLUMN trades.trade_id IS 'The identifier of the order.';
COMMENT ON COLUMN trades.price IS 'Average price in KRW: total over amount.';
COMMENT ON COLUMN trades.amount IS 'Executed quantity, in base.';
COMMENT ON COLUMN trades.total IS 'Funds in KRW, before the fee.';

CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id varchar(100) NOT NULL UNIQUE CHECK (order_id <> ''),
    symbol varchar(20) NOT NULL,
    side varchar(10) NOT NULL CHECK (side IN ('buy', 'sell')),
    order_type varchar(20) NOT NULL CHECK (order_type IN ('market', 'limit')),
    price exact_positive,
    amount exact_positive NOT NULL,
    filled_amount exact_nonnegative NOT NULL DEFAULT 0,
    status varchar(20) NOT NULL CHECK (status IN ('open', 'filled', 'cancelled', 'failed')),
    error_message text,
    cycle_id varchar(100) NOT NULL,
    role varchar(10) NOT NULL CHECK (role IN ('entry', 'exit', 'sell')),
    reason text NOT NULL,
    venue_id varchar(100),
    journal_sequence bigint NOT NULL CHECK (journal_sequence > 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX orders_symbol_created_at ON orders (symbol, created_at DESC);
CREATE INDEX orders_open ON orders (created_at) WHERE status = 'open';
CREATE INDEX orders_cycle_id ON orders (cycle_id);
COMMENT ON COLUMN orders.order_id IS 'Our identifier, which the venue accepts once, for ever.';
COMMENT ON COLUMN orders.price IS 'The price in KRW at decision; a market order has no price of its own.';
COMMENT ON COLUMN orders.amount IS 'What was asked: KRW to spend for a buy, quantity in base for a sell.';
COMMENT ON COLUMN orders.filled_amount IS 'Executed quantity, in base, for both sides.';
COMMENT ON COLUMN orders.venue_id IS 'The name that the venue gave the order.';
COMMENT ON COLUMN orders.journal_sequence IS 'The newest journal record in this row; an older one leaves it as it is.';

CREATE TABLE fills (
    trade_id varchar(100) PRIMARY KEY CHECK (trade_id <> ''),
    order_id varchar(100) NOT NULL,
    symbol varchar(20) NOT NULL,
    side varchar(10) NOT NULL CHECK (side IN ('buy', 'sell')),
    price exact_positive NOT NULL,
    quantity exact_positive NOT NULL,
    funds exact_positive NOT NULL,
    executed_at timestamptz NOT NULL
);
CREATE INDEX fills_order_id ON fills (order_id);
CREATE INDEX fills_executed_at ON fills USING brin (executed_at);
COMMENT ON TABLE fills IS 'One row a trade at the venue; trade_id is the venue''s.';

CREATE TABLE cycles (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cycle_id varchar(100) NOT NULL UNIQUE CHECK (cycle_id <> ''),
    symbol varchar(20) NOT NULL,
    mode varchar(10) NOT NULL CHECK (mode IN ('demo', 'paper', 'live')),
    outcome varchar(10) NOT NULL CHECK (outcome IN ('traded', 'held', 'halted', 'failed')),
    stage varchar(20) NOT NULL CHECK (stage IN ('risk_check', 'data_collection', 'analysis', 'execution')),
    reason text NOT NULL,
    gates jsonb NOT NULL CHECK (jsonb_typeof(gates) = 'array'),
    decision jsonb,
    indicators jsonb NOT NULL CHECK (jsonb_typeof(indicators) = 'object'),
    screen jsonb,
    durations jsonb NOT NULL CHECK (jsonb_typeof(durations) = 'object'),
    mark_price exact_positive,
    slippage_bps double precision CHECK (slippage_bps > '-Infinity' AND slippage_bps < 'Infinity'),
    opened_at timestamptz NOT NULL,
    completed_at timestamptz NOT NULL
);
CREATE INDEX cycles_symbol_opened_at ON cycles (symbol, opened_at DESC);
CREATE INDEX cycles_completed_at ON cycles USING brin (completed_at);
COMMENT ON TABLE cycles IS 'One row a cycle and market.';
COMMENT ON COLUMN cycles.gates IS 'Each gate with name, value, limit and passed, in the order in which they were checked.';
COMMENT ON COLUMN cycles.durations IS 'Milliseconds by stage.';

CREATE TABLE ai_decisions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cycle_id varchar(100) NOT NULL UNIQUE,
    symbol varchar(20) NOT NULL,
    decision varchar(20) NOT NULL CHECK (decision IN ('buy', 'sell', 'hold')),
    confidence numeric(5, 2) NOT NULL CHECK (confidence BETWEEN 0 AND 100),
    source varchar(100) NOT NULL,
    reason text NOT NULL,
    market_data jsonb NOT NULL CHECK (jsonb_typeof(market_data) = 'object'),
    created_at timestamptz NOT NULL
);
CREATE INDEX ai_decisions_symbol_created_at ON ai_decisions (symbol, created_at DESC);
CREATE INDEX ai_decisions_created_at ON ai_decisions USING brin (created_at);
COMMENT ON COLUMN ai_decisions.confidence IS 'Percent.';

CREATE TABLE portfolio_snapshots (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cycle_id varchar(100) NOT NULL UNIQUE,
    total_value_krw exact_nonnegative NOT NULL,
    total_value_usd exact_nonnegative,
    positions jsonb NOT NULL CHECK (jsonb_typeof(positions) = 'object'),
    created_at timestamptz NOT NULL
);
CREATE INDEX portfolio_snapshots_created_at ON portfolio_snapshots USING brin (created_at);
COMMENT ON COLUMN portfolio_snapshots.total_value_usd IS 'By the price of KRW-USDT, to the cent; null where that is not known.';
COMMENT ON COLUMN portfolio_snapshots.positions IS 'By symbol: amount in base, value in KRW, profit_rate as a fraction.';

CREATE TABLE system_logs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    journal_sequence bigint NOT NULL CHECK (journal_sequence > 0),
    level varchar(20) NOT NULL CHECK (level IN ('info', 'warning', 'error', 'critical')),
    message text NOT NULL,
    context jsonb,
    created_at timestamptz NOT NULL,
    UNIQUE (created_at, journal_sequence)
);
CREATE INDEX system_logs_created_at ON system_logs USING brin (created_at);

CREATE TABLE bot_config (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key varchar(100) NOT NULL UNIQUE CHECK (key <> ''),
    value jsonb NOT NULL,
    description text,
    updated_at timestamptz NOT NULL
);
COMMENT ON TABLE bot_config IS 'The settings at the last start, secrets absent.';

CREATE TABLE candles (
    timestamp timestamptz NOT NULL,
    timeframe varchar(10) NOT NULL,
    symbol varchar(20) NOT NULL,
    open exact_positive NOT NULL,
    high exact_positive NOT NULL,
    low exact_positive NOT NULL,
    close exact_positive NOT NULL,
    volume exact_nonnegative NOT NULL,
    PRIMARY KEY (timestamp, timeframe, symbol),
    CHECK (low <= least(open, close) AND greatest(open, close) <= high)
);
CREATE INDEX candles_timestamp ON candles USING brin (timestamp);
CREATE INDEX candles_symbol ON candles (symbol, timeframe, timestamp DESC);
COMMENT ON COLUMN candles.timestamp IS 'When the candle opened.';

CREATE TABLE news (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    url varchar(2000) NOT NULL UNIQUE CHECK (url <> ''),
    source varchar(100) NOT NULL,
    title text NOT NULL,
    published_at timestamptz,
    fetched_at timestamptz NOT NULL,
    score numeric CHECK (score BETWEEN -1 AND 1),
    scored_at timestamptz,
    CHECK ((score IS NULL) = (scored_at IS NULL))
);
CREATE INDEX news_fetched_at ON news USING brin (fetched_at);
COMMENT ON COLUMN news.scored_at IS 'When the score became known; a backtest may not see it earlier.';

CREATE TABLE rejected_records (
    journal_sequence bigint NOT NULL,
    kind varchar(100) NOT NULL,
    body text NOT NULL,
    error text NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (journal_sequence, recorded_at)
);
COMMENT ON TABLE rejected_records IS 'Journal records whose rows the tables above refused. The journal keeps the record; nothing waits for it.';

-- The reader's role belongs to the whole server, so it may be there already, made by the operator or for another database.
-- It cannot log in until the operator gives it a password.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'dg_bot_reader')
        AND EXISTS (SELECT FROM pg_roles WHERE rolname = current_user AND (rolcreaterole OR rolsuper))
    THEN
        CREATE ROLE dg_bot_reader NOLOGIN;
        ALTER ROLE dg_bot_reader SET default_transaction_read_only = on;
        ALTER ROLE dg_bot_reader SET statement_timeout = '5s';
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'dg_bot_reader') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO dg_bot_reader', current_schema());
        EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO dg_bot_reader', current_schema());
        EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT ON TABLES TO dg_bot_reader', current_schema());
    END IF;
END
$$;
