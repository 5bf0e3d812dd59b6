#!/bin/sh
# Run once by the image of PostgreSQL, when its folder is empty: the bot owns its database and is no superuser, Grafana may only read.
# Passwords reach psql by its environment and never by its arguments.
set -eu
export PGPASSWORD="$POSTGRES_PASSWORD"
psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
\getenv bot_password DATABASE_PASSWORD
\getenv reader_password GRAFANA_DATABASE_PASSWORD
CREATE ROLE dg_bot LOGIN PASSWORD :'bot_password';
CREATE ROLE dg_bot_reader LOGIN CONNECTION LIMIT 10 PASSWORD :'reader_password';
ALTER ROLE dg_bot_reader SET default_transaction_read_only = on;
ALTER ROLE dg_bot_reader SET statement_timeout = '5s';
ALTER ROLE dg_bot_reader SET temp_file_limit = '256MB';
CREATE DATABASE dg_bot OWNER dg_bot;
REVOKE CONNECT, TEMPORARY ON DATABASE dg_bot FROM PUBLIC;
GRANT CONNECT ON DATABASE dg_bot TO dg_bot_reader;
\connect dg_bot
-- By default everybody may take advisory locks, and with the bot's own keep it from its account, and may fill the disk.
SELECT
    format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', oid::regprocedure),
    format('GRANT EXECUTE ON FUNCTION %s TO dg_bot', oid::regprocedure)
FROM pg_proc
WHERE pronamespace = 'pg_catalog'::regnamespace
    AND (proname ~ '^pg_(try_)?advisory_' OR proname IN ('lo_creat', 'lo_create', 'lo_from_bytea'))
\gexec
SQL
