"""Run the bot as a daemon: a cycle every hour, the guard between cycles, until it is told to stop."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from dg_bot.app.ctrl_c import quiet_while_loading

quiet_while_loading(__name__)

import argparse
import asyncio
import os
from collections.abc import Sequence

from dg_bot.app.bootstrap import running_bot
from dg_bot.app.command_line import parsed
from dg_bot.app.exit_codes import ExitCode, end_with, refusal
from dg_bot.app.logs import configure_logs
from dg_bot.app.scheduler import Daemon
from dg_bot.app.secrets import Redactor
from dg_bot.app.setting_sources import load_settings
from dg_bot.errors import BotError


def main(arguments: Sequence[str] | None = None) -> int:
    """Give the exit code: 0 stopped by a signal, 1 failed, 2 usage or configuration, 3 refused to start, 4 by the watchdog.

    A contradiction in what is recorded ends it with 1: before anything is sent where the journal cannot be replayed, else as soon
    as it shows. Whoever starts the daemon again may do so at once; after five crashes within ten minutes it waits by itself.
    """
    parser = argparse.ArgumentParser(
        description="Trade every hour until SIGINT or SIGTERM; SIGUSR1 runs a cycle now.", allow_abbrev=False
    )
    parser.add_argument("--mode", choices=("demo", "paper", "live"), help="which account to trade (default: MODE, or demo)")
    try:
        options = parsed(parser, arguments)
        settings = load_settings(overrides={"MODE": options.mode} if options.mode else {})
        redactor = Redactor(settings.secrets())
        configure_logs(level=settings.log_level, log_format=settings.log_format, redactor=redactor)
        with running_bot(settings, is_daemon=True) as bot:
            code = asyncio.run(Daemon(bot, redactor=redactor).run())
            if code == ExitCode.WATCHDOG:
                # Whatever is stuck may hold what an orderly end would wait for.
                os._exit(code)
            return code
    except BotError as error:
        return refusal("dg_bot", error)


if __name__ == "__main__":
    end_with("dg_bot", main)
