"""Back a bot up while it runs, verify a backup, or restore one into an empty folder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from dg_bot.app.ctrl_c import quiet_while_loading

quiet_while_loading(__name__)

import argparse
from collections.abc import Sequence

from rich.console import Console

from dg_bot.adapters.backup_archive import verified
from dg_bot.app.argument_types import count
from dg_bot.app.backup import back_up
from dg_bot.app.command_line import parsed, settings_under
from dg_bot.app.exit_codes import ExitCode, end_with, refusal
from dg_bot.app.restore import restore
from dg_bot.app.settings import Settings
from dg_bot.errors import BotError
from dg_bot.operator.progress_bar import steps


def main(arguments: Sequence[str] | None = None) -> int:
    """Give the exit code: 0 done, 1 backed up without rows, 2 usage or configuration, 3 refused, or something is unreadable."""
    try:
        options = _options(arguments)
        settings = settings_under(options)
        if options.verify is not None:
            manifest = verified(options.verify)
            facts = ", ".join(f"{name} {fact}" for name, fact in manifest.facts.items())
            print(f"{options.verify}: {len(manifest.files)} files, each as it was backed up ({facts})")
            return ExitCode.DONE
        if options.restore is not None:
            print("\n".join(restore(settings, options.restore)))
            return ExitCode.DONE
        return _back_up(settings, options)
    except BotError as error:
        return refusal("backup", error)


def _back_up(settings: Settings, options: argparse.Namespace) -> ExitCode:
    folder = options.to or settings.data_folder.parent / "backups"
    with steps("backing up", Console(stderr=True)) as on_step:
        done = back_up(settings, folder, keep=options.keep, has_candles=not options.without_candles, on_step=on_step)
    print(f"{done.path}: {done.files} files, {done.size:,} bytes, read back and as they were written")
    for path in done.removed:
        print(f"removed {path}")
    if done.without_rows is None:
        return ExitCode.DONE
    print(f"backup: without the database's rows, which can be made anew: {done.without_rows}", file=sys.stderr)
    return ExitCode.FAILED


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Back a bot up while it runs, verify a backup, or restore one into an empty folder.", allow_abbrev=False
    )
    parser.add_argument("--mode", choices=("demo", "paper", "live"), help="which bot (default: MODE, or demo)")
    parser.add_argument("--to", type=Path, metavar="FOLDER", help="where the archive goes (default: backups beside DATA_DIR)")
    parser.add_argument("--keep", type=count, metavar="N", help="keep the newest N archives of this bot, remove older ones")
    parser.add_argument("--without-candles", action="store_true", help="leave out candles, which can be collected again")
    acts = parser.add_mutually_exclusive_group()
    acts.add_argument("--verify", type=Path, metavar="ARCHIVE", help="read an archive and check each file in it")
    acts.add_argument("--restore", type=Path, metavar="ARCHIVE", help="put an archive into DATA_DIR, which has to be empty")
    return parsed(parser, arguments)


if __name__ == "__main__":
    end_with("backup", main)
