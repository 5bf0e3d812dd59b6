"""How many parameter sets were ever tried on each market, as the screen needs it: at once, and never fewer than before."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Thread

from dg_bot.adapters.state_file import read_state, write_state
from dg_bot.adapters.typed_json import Codec, Unfit, codec_of
from dg_bot.backtesting.screen import trials_of
from dg_bot.domain.market import Market
from dg_bot.errors import BotError, StateError


class TrialCounts:
    """Knows what the database said last, over restarts too: one that is away, or new, takes back nothing that was tried."""

    def __init__(self, path: Path, *, read: Callable[[], Mapping[Market, int]]) -> None:
        """`read` counts the sets in the database by market, and raises StoreError while that is away."""
        self._path = path
        self._read = read
        self._codec: Codec = codec_of(Mapping[Market, int])
        self._sets = self._kept()
        self._has_asked = False

    def on(self, market: Market) -> int:
        """Give the number of trials on a market: the strategies on offer, and the sets that sweeps have tried besides."""
        return trials_of(self._sets.get(market, 0))

    def learn_once(self, within_s: float) -> None:
        """Ask the database where nobody has yet, and wait for its answer no longer than this; what goes wrong changes nothing."""
        if self._has_asked:
            return
        asking = Thread(target=self._try_to_learn, name="trials", daemon=True)
        asking.start()
        asking.join(within_s)

    def learn(self) -> None:
        """Ask the database; raises StoreError while it is away, and StateError where the counts cannot be kept."""
        self._has_asked = True
        found = self._read()
        sets = {market: max(self._sets.get(market, 0), found.get(market, 0)) for market in {*self._sets, *found}}
        if sets != self._sets:
            self._sets = sets
            write_state(self._path, {"sets": self._codec.write(sets)})

    def _try_to_learn(self) -> None:
        with suppress(BotError):
            self.learn()

    def _kept(self) -> Mapping[Market, int]:
        try:
            body = read_state(self._path)
            kept: Mapping[Market, int] = {} if body is None else self._codec.read(body.get("sets"))
        except (StateError, Unfit):
            return {}
        return kept
