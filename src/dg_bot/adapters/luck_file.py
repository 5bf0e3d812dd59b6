"""`luck.json`: how often each market's screen passed markets without drift, kept over restarts."""

from collections.abc import Mapping
from pathlib import Path

from dg_bot.adapters.state_file import read_state, write_state
from dg_bot.adapters.typed_json import Codec, Unfit, codec_of
from dg_bot.domain.market import Market
from dg_bot.domain.screen import DriftlessPasses
from dg_bot.errors import StateError


class LuckFile:
    """A LuckStore in one file; what cannot be read is measured again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._codec: Codec = codec_of(Mapping[Market, DriftlessPasses])

    def load(self) -> Mapping[Market, DriftlessPasses]:
        try:
            body = read_state(self._path)
            known: Mapping[Market, DriftlessPasses] = {} if body is None else self._codec.read(body.get("markets"))
        except (StateError, Unfit):
            return {}
        return known

    def save(self, known: Mapping[Market, DriftlessPasses]) -> None:
        try:
            write_state(self._path, {"markets": self._codec.write(known)})
        except Unfit as error:
            raise StateError(str(self._path), f"cannot be written ({error})", "report this as a defect") from error
