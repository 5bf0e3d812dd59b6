"""A bot's folder as processes before have left it, and what its account holds now, for tests of the doctor."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from pydantic import SecretStr

from dg_bot.adapters.instance_lock import claim_folder
from dg_bot.adapters.journal_file import JournalFile
from dg_bot.adapters.journal_reader import read_journal
from dg_bot.adapters.risk_state_file import RiskStateFile
from dg_bot.adapters.state_file import Cursors
from dg_bot.app.account_access import AccountAccess
from dg_bot.app.doctor import Degraded, Findings, examine
from dg_bot.app.settings import Settings
from dg_bot.domain.cycle_report import Mode
from dg_bot.domain.events import AccountOpened, Event
from dg_bot.domain.market import Market
from dg_bot.domain.order import Side, VenueOrder, VenueState
from dg_bot.domain.portfolio import Balance
from dg_bot.errors import BotError
from dg_bot.risk import state as risk_state
from dg_bot.risk.state import RiskState
from tests.builders import VirtualClock
from tests.journal_records import BTC, BUY_ID, NOON

MILLION = Decimal(1_000_000)


class Ward:
    """`held` is what the account holds free, `locked` what the owner's own orders lock, `listed` the orders of the venue."""

    def __init__(self, folder: Path, *, database: str = "postgresql://nobody@127.0.0.1:1/none", **settings: object) -> None:
        self.settings = Settings(
            mode=Mode.PAPER,
            data_dir=folder,
            candle_dir=folder / "candles",
            order_namespace="demo",
            database_url=SecretStr(database),
            **settings,  # type: ignore[arg-type]
        )
        self.held = {"KRW": MILLION}
        self.locked: dict[str, Decimal] = {}
        self.listed: list[VenueOrder] = []
        self.price = Decimal(1000)
        self.error: BotError | None = None
        self.clock = VirtualClock(NOON + timedelta(hours=1))
        self.access = AccountAccess(balances=self.balances, orders=self._orders, price=lambda _: self.price, clock=self.clock)

    def lived(self, *events: Event, rows: int | None = None, opened: Mapping[str, str] | None = None) -> None:
        """Write what happened; `rows` is how far the database has followed, to the end where it is not said."""
        folder = self.settings.state_folder
        claim_folder(folder, Mode.PAPER, "demo")
        journal = JournalFile.open(folder / "journal.jsonl", lambda: NOON + timedelta(seconds=1))
        state = RiskState()
        first = {"KRW": str(MILLION), **(opened or {})}
        balances = tuple(Balance(name, Decimal(amount), Decimal(0)) for name, amount in first.items())
        for event in (AccountOpened(balances=balances), *events):
            record = journal.append(event)
            state = risk_state.after(state, record)
        RiskStateFile(folder / "risk_state.json").save(state, record)
        Cursors(folder / "cursors.json").move("database", len(journal) if rows is None else rows)
        journal.close()

    def balances(self) -> Mapping[str, Balance]:
        if self.error is not None:
            raise self.error
        return {name: Balance(name, amount, self.locked.get(name, Decimal(0))) for name, amount in self.held.items()}

    def findings(self) -> Findings:
        return examine(self.settings, self.balances)

    @property
    def degraded(self) -> list[Degraded]:
        return list(self.findings().degraded)

    @property
    def events(self) -> list[Event]:
        """Give what was recorded after the account was opened."""
        return [record.event for record in read_journal(self.settings.state_folder / "journal.jsonl")][1:]

    def _orders(self, market: Market, _since: datetime) -> Sequence[VenueOrder]:
        return [order for order in self.listed if order.market == market]


def at_venue(
    identifier: str | None = BUY_ID, *, executed: str = "0.5", state: VenueState = VenueState.CLOSED, market: Market = BTC
) -> VenueOrder:
    """Give an order as the venue lists it, made after the account was opened."""
    return VenueOrder(
        venue_id="venue-1",
        identifier=identifier,
        market=market,
        side=Side.BUY,
        state=state,
        executed_quantity=Decimal(executed),
        paid_fee_krw=Decimal(0),
        fills=(),
        created_at=NOON + timedelta(minutes=1),
    )
