"""Bots whose journal lies on a disk: those of the builders, and whole ones as a program starts them."""

import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from dg_bot.adapters.instance_lock import claim_folder
from dg_bot.adapters.journal_file import SEGMENT_BYTES, JournalFile
from dg_bot.adapters.memory import MemoryJournal
from dg_bot.app.bootstrap import running_bot
from dg_bot.app.bot import Bot
from dg_bot.app.setting_sources import load_settings
from dg_bot.app.settings import Settings
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.candle import Candle
from dg_bot.domain.cycle_report import Mode
from dg_bot.domain.events import AccountOpened, Event
from dg_bot.domain.order import MarketBuy
from dg_bot.domain.order_book import Level, OrderBook
from dg_bot.domain.portfolio import Balance
from dg_bot.simulator.ledger import Ledger
from dg_bot.simulator.market_orders import ticket_for
from dg_bot.simulator.rest import UpbitServer
from dg_bot.simulator.tape import Tape
from dg_bot.simulator.venue import Venue
from tests.builders import PaperBot, SeamedJournal
from tests.e2e.tape_bench import ACCESS_KEY, OPENING_KRW, SECRET_KEY, live_settings
from tests.journal_records import BTC, BUY_ID, NOON, bought


@contextmanager
def on_disk(bot: PaperBot, folder: Path, *, segment_bytes: int = SEGMENT_BYTES) -> Iterator[Path]:
    """Move a bot's journal into files, and let it start again on them; gives the path of the active segment.

    Afterwards the bot has its records in memory again, for the checks that follow every test.
    """
    path, moved = folder / "journal.jsonl", list(bot.memory.records())
    times = iter([record.at for record in moved])
    with closing(JournalFile.open(path, lambda: next(times))) as journal:
        for record in moved:
            journal.append(record.event)
    restarted(bot, path, segment_bytes=segment_bytes)
    try:
        yield path
    finally:
        records = list(bot.memory.records())
        _close(bot)
        bot.memory = MemoryJournal(bot.clock.now)
        bot.memory._records.extend(records)


def restarted(bot: PaperBot, path: Path, *, segment_bytes: int = SEGMENT_BYTES) -> JournalFile:
    """Begin a new process on the files that are there, without its start-up."""
    _close(bot)
    journal = JournalFile.open(path, bot.clock.now, segment_bytes=segment_bytes)
    bot.memory, bot.journal = journal, SeamedJournal(journal, bot.upbit)
    bot.rewire()
    return journal


def _close(bot: PaperBot) -> None:
    if isinstance(bot.memory, JournalFile):
        bot.memory.close()


class House:
    """A live bot's folder and its account at a simulated venue, in which a bot holds half a coin."""

    def __init__(self, folder: Path) -> None:
        price = Decimal(20_000)
        candle = Candle(opened_at=NOON, open=price, high=price, low=price, close=price, volume=Decimal(1))
        tapes = {BTC: Tape.of(BTC, HOUR, [candle])}
        self.venue = Venue(ledger=Ledger(krw=OPENING_KRW), tapes=tapes, now=lambda: NOON + timedelta(minutes=1))
        self.server = UpbitServer(self.venue, access_key=ACCESS_KEY, secret_key=SECRET_KEY)
        self.data = folder / "data"
        self.state = self.data / "state"
        self._folder = folder

    def live(self, *events: Event) -> None:
        """Write what happened: half a coin was bought, which the account holds, and then these."""
        claim_folder(self.state, Mode.LIVE, "dg")
        with closing(JournalFile.open(self.state / "journal.jsonl", lambda: NOON)) as journal:
            for event in (
                AccountOpened(balances=(Balance("KRW", OPENING_KRW, Decimal(0)),)),
                *bought("0.5", "20000", fee="5"),
                *events,
            ):
                journal.append(event)
        book = OrderBook(market=BTC, at=NOON, asks=(Level(Decimal(20_000), Decimal(1)),), bids=())
        order = ticket_for(MarketBuy(market=BTC, notional_krw=Decimal(10_000)), BUY_ID)
        self.venue.ledger.place(order, book=book, tick_size=Decimal(10), now=NOON)

    @contextmanager
    def start(self) -> Iterator[Bot]:
        """Start a bot as its programs do, up to its first look at what it holds; raises as they do."""
        with running_bot(self._settings()) as bot:
            bot.reconciler.open_account()
            bot.guard.tick()
            yield bot

    def orders_sent(self) -> int:
        """Count the requests for an order that the venue has seen."""
        return len(self.server.wire_log.matching("POST", "/v1/orders"))

    def _settings(self) -> Settings:
        environment = live_settings(
            base_url=self.server.base_url,
            folder=self._folder,
            candles=self._folder / "candles",
            database="postgresql://nobody@127.0.0.1:1/none",
        )
        return load_settings(environment=environment, env_file=self._folder / "no.env")


@contextmanager
def tiny_disk(folder: Path, size: str) -> Iterator[None]:
    """Mount a disk of that size at `folder`; only root may."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill_up(folder: Path) -> Path:
    """Leave no room on the disk of `folder`; gives the file that has taken it."""
    ballast = folder / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 4096)
    return ballast
