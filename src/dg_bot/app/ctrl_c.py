"""Let Ctrl-C end a command quietly from its first moment on: loading the libraries takes a second, and has nothing to tell."""

import signal


def quiet_while_loading(name: str) -> None:
    """End the process at Ctrl-C without a traceback, where `name` is that of the program's own module, until `heard_again`.

    Where a shell has switched the signal off for a program in its background, it stays off.
    """
    if name == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def heard_again() -> None:
    """Make Ctrl-C an exception again, by which a command leaves what it has begun in good order."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
