"""A folder in which `main.py` runs in demo mode, as somebody would who has just come to the bot."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dg_bot.adapters.state_file import read_state
from dg_bot.simulator.ledger import Ledger
from tests.e2e.tape_bench import Document, Ended, journal_of
from tests.e2e.warm_main import Run


@dataclass(frozen=True, kw_only=True)
class DemoBench:
    """`launch` runs the program and gives its exit code; nothing of this process's environment reaches it."""

    folder: Path
    launch: Callable[[Run], int]

    def run(self, *arguments: str, **settings: str) -> Ended:
        out, log = self.folder / "out", self.folder / "log"
        code = self.launch(
            Run(
                arguments=["--mode", "demo", *arguments],
                environment={"PATH": os.environ["PATH"], "DATA_DIR": "data", **settings},
                folder=str(self.folder),
                stdout=str(out),
                stderr=str(log),
            )
        )
        return Ended(exit_code=code, out=out.read_text(encoding="utf-8"), log=log.read_text(encoding="utf-8"))

    @property
    def state(self) -> Path:
        return self.folder / "data" / "state"

    @property
    def journal(self) -> list[Document]:
        return journal_of(self.folder)

    @property
    def ledger(self) -> Ledger:
        """Give the books of the demo's venue as they were kept."""
        stored = read_state(self.folder / "data" / "venue.json")
        assert stored is not None
        kept = stored["ledger"]
        assert isinstance(kept, dict)
        return Ledger.restored(kept)
