"""A program with its imports done: each line on standard input is a run, in a child of its own; the answer is its exit code.

The program is `main.py`, or `scripts/doctor.py` where the argument says `doctor`.

A fresh interpreter spends most of a short run on imports and on its own end. A child made here differs from one in nothing else:
it has its own environment, folder and output.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn, TypedDict

import main
from scripts import doctor

from dg_bot.adapters.upbit_signer import UpbitSigner


class Run(TypedDict):
    """What a child is given; `stdout` and `stderr` are files that are made anew."""

    arguments: list[str]
    environment: dict[str, str]
    folder: str
    stdout: str
    stderr: str


def answer_runs(program: Callable[[Any], int]) -> None:
    """Fork a child for each run on standard input; `program` is called with the run, whose surroundings it has by then."""
    # Signing imports what only a first request needs.
    UpbitSigner(access_key="warm", secret_key="warm" * 8).authorization(None)
    for line in sys.stdin:
        run: Run = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(run, program)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become(run: Run, program: Callable[[Any], int]) -> NoReturn:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(run["stdout"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
    os.dup2(os.open(run["stderr"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    os.environ.clear()
    os.environ.update(run["environment"])
    os.chdir(run["folder"])
    sys.argv[1:] = run["arguments"]
    try:
        code = program(run)
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    chosen = doctor.main if sys.argv[1:] == ["doctor"] else main.main
    answer_runs(lambda _: chosen())
