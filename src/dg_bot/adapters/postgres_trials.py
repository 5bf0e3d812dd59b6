"""The book of trials on PostgreSQL: what was tried once is never judged again, and counts for ever."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

import psycopg
from psycopg import Connection, Cursor
from psycopg.types.json import Jsonb

from dg_bot.adapters.postgres_errors import require_dsn, store_error
from dg_bot.adapters.postgres_queries import queries
from dg_bot.domain.market import Market
from dg_bot.domain.trials import Ranking, Study, Trial, TrialFigures, Values, Within

_FETCHED_AT_ONCE = 1000

T = TypeVar("T")
TrialRow = tuple[Values, list[int], list[float], list[float], list[float | None], list[float]]


class PostgresTrials:
    """The trials of one study; see `ports.TrialBook`. Connects when it is first needed. For one thread."""

    def __init__(self, dsn: str, study: Study) -> None:
        require_dsn(dsn)
        self._dsn = dsn
        self._study = study
        self._connection: Connection | None = None
        self._study_id = 0

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def known(self, sets: Sequence[Values]) -> list[Trial | None]:
        wanted = [json.dumps(dict(values)) for values in sets]

        def read(cursor: Cursor) -> list[Trial | None]:
            found: list[Trial | None] = [None] * len(sets)
            rows = cursor.execute(queries()["known_trials"], {"sets": wanted, "study_id": self._study_id})
            for place, *row in rows:
                found[place - 1] = _trial(tuple(row))
            return found

        return self._transact("known_trials", read) if sets else []

    def add(self, trials: Sequence[Trial]) -> None:
        def write(cursor: Cursor) -> None:
            cursor.execute(queries()["stage_trials"])
            with cursor.copy(queries()["copy_trials"]) as copy:
                for trial in trials:
                    copy.write_row((self._study_id, Jsonb(dict(trial.values)), *_columns(trial)))
            cursor.execute(queries()["add_trials"])

        if trials:
            self._transact("add_trials", write)

    def best(self, ranking: Ranking, limit: int) -> list[Trial]:
        def read(cursor: Cursor) -> list[Trial]:
            return [_trial(row) for row in cursor.execute(queries()["best_trials"], {**self._ranked(ranking), "limit": limit})]

        return self._transact("best_trials", read)

    def share_below(self, ranking: Ranking, value: float) -> float:
        def read(cursor: Cursor) -> float:
            row = cursor.execute(queries()["share_below"], {**self._ranked(ranking), "value": value}).fetchone()
            return float(row[0]) if row else 0.0

        return self._transact("share_below", read)

    def each(self, within: Within) -> Iterator[Trial]:
        try:
            connection = self._connected()
            with connection.transaction(), connection.cursor("each_trial") as cursor:
                cursor.itersize = _FETCHED_AT_ONCE
                given = {"study_id": self._study_id, "within": _lists(within)}
                for row in cursor.execute(queries()["each_trial"], given):
                    yield _trial(row)
        except psycopg.Error as error:
            raise store_error("each_trial", error, self._dsn) from error

    def tried_on_these_bars(self) -> int:
        study = self._study
        given = {
            "symbol": str(study.market),
            "strategy": study.strategy,
            "timeframe": str(study.timeframe),
            "data_sha256": study.data_sha256,
        }

        def read(cursor: Cursor) -> int:
            row = cursor.execute(queries()["count_tried"], given).fetchone()
            return int(row[0]) if row else 0

        return self._transact("count_tried", read)

    def _ranked(self, ranking: Ranking) -> Mapping[str, object]:
        return {
            "study_id": self._study_id,
            "objective": ranking.objective.value,
            "stretch": ranking.stretch + 1,
            "fewest_trips": ranking.fewest_trips,
            "within": _lists(ranking.within),
        }

    def _transact(self, operation: str, work: Callable[[Cursor], T]) -> T:
        try:
            connection = self._connected()
            with connection.transaction(), connection.cursor() as cursor:
                return work(cursor)
        except psycopg.Error as error:
            raise store_error(operation, error, self._dsn) from error

    def _connected(self) -> Connection:
        if self._connection is None:
            connection = psycopg.connect(self._dsn, autocommit=True, connect_timeout=3, application_name="dg_bot sweep")
            self._connection = connection
            connection.execute(queries()["put_study"], _study_row(self._study))
            row = connection.execute(queries()["find_study"], {"digest": self._study.digest}).fetchone()
            self._study_id = row[0] if row else 0
        return self._connection


def _lists(within: Within) -> Jsonb:
    return Jsonb({name: list(values) for name, values in within.items()})


def _study_row(study: Study) -> Mapping[str, object]:
    return {
        "digest": study.digest,
        "symbol": str(study.market),
        "strategy": study.strategy,
        "timeframe": str(study.timeframe),
        "data_sha256": study.data_sha256,
        "program_sha256": study.program_sha256,
        "rules": Jsonb(dict(study.rules)),
        "stretches": [[stretch.start, stretch.stop] for stretch in study.stretches],
    }


def _columns(trial: Trial) -> tuple[list[int], list[float], list[float], list[float | None], list[float]]:
    figures = trial.figures
    return (
        [one.round_trips for one in figures],
        [one.total_return for one in figures],
        [one.sharpe for one in figures],
        [one.calmar for one in figures],
        [one.max_drawdown for one in figures],
    )


def _trial(row: TrialRow) -> Trial:
    values, *columns = row
    names = ("round_trips", "total_return", "sharpe", "calmar", "max_drawdown")
    stretches = zip(*columns, strict=True)
    return Trial(values, tuple(TrialFigures(**dict(zip(names, stretch, strict=True))) for stretch in stretches))


def sets_tried(dsn: str, markets: Sequence[Market]) -> Mapping[Market, int]:
    """Count the different sets that were ever tried on each market, of any strategy on any timeframe; raises StoreError."""
    try:
        with psycopg.connect(dsn, autocommit=True, connect_timeout=3, application_name="dg_bot trials") as connection:
            rows = connection.execute(queries()["count_sets_tried"], {"symbols": [str(market) for market in markets]})
            return {Market(symbol): int(count) for symbol, count in rows}
    except psycopg.Error as error:
        raise store_error("count_sets_tried", error, dsn) from error
