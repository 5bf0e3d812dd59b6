-- Let Grafana in, read-only, where PostgreSQL does not come out of docker-compose.yml. Run it as an administrator of the server, with
-- the password in the environment, so that it stands in no command line; there is no default:
--   READER_PASSWORD=... psql -d dg_bot -f monitoring/postgres/reader.sql
-- Again is harmless, and sets the password anew. The tables and views are granted by the bot's own migrations; where those ran before
-- the role existed, they are granted here.
\set ON_ERROR_STOP on
\getenv password READER_PASSWORD
\if :{?password}
\else
    \warn 'READER_PASSWORD is not set: choose a password of the reader''s own'
    SELECT 1 / 0 AS "no password";
\endif
SELECT length(:'password') >= 12 AS is_long_enough \gset
\if :is_long_enough
\else
    \warn 'READER_PASSWORD has fewer than 12 characters'
    SELECT 1 / 0 AS "password too short";
\endif
SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'dg_bot_reader') AS is_absent \gset
\if :is_absent
CREATE ROLE dg_bot_reader;
\endif
ALTER ROLE dg_bot_reader LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT CONNECTION LIMIT 10 PASSWORD :'password';
ALTER ROLE dg_bot_reader SET default_transaction_read_only = on;
ALTER ROLE dg_bot_reader SET statement_timeout = '5s';
ALTER ROLE dg_bot_reader SET lock_timeout = '1s';
ALTER ROLE dg_bot_reader SET idle_in_transaction_session_timeout = '10s';
GRANT CONNECT ON DATABASE :"DBNAME" TO dg_bot_reader;
GRANT USAGE ON SCHEMA public TO dg_bot_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO dg_bot_reader;
-- What the bot's later migrations add is for the reader too; whose tables these are is known once the bot has run.
SELECT coalesce((SELECT tableowner FROM pg_tables WHERE schemaname = 'public' AND tablename = 'trades'), '') AS owner \gset
SELECT :'owner' <> '' AS has_run \gset
\if :has_run
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT SELECT ON TABLES TO dg_bot_reader;
SELECT rolsuper AS is_superuser FROM pg_roles WHERE rolname = current_user \gset
\if :is_superuser
-- By default everybody may take advisory locks, and with the bot's own keep it from its account, and may fill the disk.
ALTER ROLE dg_bot_reader SET temp_file_limit = '256MB';
REVOKE TEMPORARY ON DATABASE :"DBNAME" FROM PUBLIC;
GRANT TEMPORARY ON DATABASE :"DBNAME" TO :"owner";
SELECT
    format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', oid::regprocedure),
    format('GRANT EXECUTE ON FUNCTION %s TO %I', oid::regprocedure, :'owner')
FROM pg_proc
WHERE pronamespace = 'pg_catalog'::regnamespace
    AND (proname ~ '^pg_(try_)?advisory_' OR proname IN ('lo_creat', 'lo_create', 'lo_from_bytea'))
\gexec
\else
    \warn 'only a superuser can keep the reader from taking the lock of the bot''s account: run this as one'
\endif
\else
    \warn 'the bot has not made its tables yet: run this again after its first start'
\endif
