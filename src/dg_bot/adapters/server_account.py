"""Choose the account under which a server runs that refuses to run as root."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dg_bot.errors import ConfigurationError

_UNPRIVILEGED = "nobody"
# Tried in this order: none, then the right to look into private folders, then also to run private files (a venv made under a
# strict umask, or a container whose root has only this one).
_CAPABILITIES = (None, "dac_read_search", "dac_override")
_PROBE = 'cd "$1" && exec "$2" --version'


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAccount:
    """Who runs the server's programs, and the words to put before their commands."""

    uid: int
    gid: int
    prefix: tuple[str, ...]

    def own(self, path: Path) -> None:
        """Give a file or an empty folder to this account."""
        if (self.uid, self.gid) != (os.geteuid(), os.getegid()):
            os.chown(path, self.uid, self.gid)


def account_for(folder: Path, program: Path) -> ServerAccount:
    """Give ourselves, or for root the owner of `folder` (`nobody` where that is root too).

    Folders above `folder` and `program` stay as closed as they are: where the account may not pass them, its commands are
    given the smallest capability that lets them. Raises ConfigurationError where that cannot be had.
    """
    if os.geteuid() != 0:
        return ServerAccount(uid=os.geteuid(), gid=os.getegid(), prefix=())
    owner = folder.stat()
    nobody = pwd.getpwnam(_UNPRIVILEGED)
    uid, gid = (owner.st_uid, owner.st_gid) if owner.st_uid != 0 else (nobody.pw_uid, nobody.pw_gid)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise _refusal("the program setpriv (util-linux) is not there")
    problem = ""
    for capability in _CAPABILITIES:
        prefix = (setpriv, f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *_grant(capability))
        problem = _probe(prefix, folder, program)
        if not problem:
            return ServerAccount(uid=uid, gid=gid, prefix=prefix)
    raise _refusal(problem)


def _grant(capability: str | None) -> tuple[str, ...]:
    if capability is None:
        return ()
    # access(2), by which the server's programs look for one another, heeds capabilities of a non-root user under this bit only.
    return ("--securebits=+no_setuid_fixup", f"--inh-caps=+{capability}", f"--ambient-caps=+{capability}")


def _probe(prefix: Sequence[str], folder: Path, program: Path) -> str:
    """Enter the folder and start the program as the account; give what went wrong, empty where nothing did."""
    command = [*prefix, "/bin/sh", "-c", _PROBE, "sh", str(folder), str(program)]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, timeout=10)  # noqa: S603
    return "" if done.returncode == 0 else done.stderr.strip() or f"exit status {done.returncode}"


def _refusal(problem: str) -> ConfigurationError:
    return ConfigurationError(
        "DATABASE_URL",
        f"it is not set, and the embedded PostgreSQL cannot be started by root ({problem})",
        "run as a normal user, or set DATABASE_URL",
    )
