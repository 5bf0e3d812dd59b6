CREATE TABLE studies (
    study_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest char(64) NOT NULL UNIQUE,
    symbol varchar(20) NOT NULL,
    strategy varchar(100) NOT NULL,
    timeframe varchar(10) NOT NULL,
    data_sha256 char(64) NOT NULL,
    program_sha256 char(64) NOT NULL,
    rules jsonb NOT NULL CHECK (jsonb_typeof(rules) = 'object'),
    stretches integer[] NOT NULL CHECK (array_ndims(stretches) = 2),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX studies_bars ON studies (symbol, strategy, timeframe, data_sha256);
COMMENT ON TABLE studies IS 'One row a study: a strategy on the same bars, under the same rules, judged by the same program.';
COMMENT ON COLUMN studies.digest IS 'SHA-256 of all that makes trials comparable.';
COMMENT ON COLUMN studies.stretches IS 'First bar and the bar after the last one of each stretch; the first stretch is the whole.';

CREATE TABLE trials (
    study_id bigint NOT NULL REFERENCES studies,
    parameters jsonb NOT NULL CHECK (jsonb_typeof(parameters) = 'object'),
    round_trips integer[] NOT NULL,
    total_return double precision[] NOT NULL,
    sharpe double precision[] NOT NULL,
    calmar double precision[] NOT NULL,
    max_drawdown double precision[] NOT NULL,
    PRIMARY KEY (study_id, parameters)
);
COMMENT ON TABLE trials IS 'One row a parameter set that was tried; the columns hold one figure for each stretch of the study.';
COMMENT ON COLUMN trials.parameters IS 'All parameters of the strategy by name.';
COMMENT ON COLUMN trials.calmar IS 'Null where there was no drawdown.';
