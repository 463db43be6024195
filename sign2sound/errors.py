"""The one way a program of this project ends on a mistake, a failing disk or Ctrl-C: with one line."""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress


class UserError(Exception):
    """A mistake the user can mend. Its message says what was found, what was expected and what to do."""


def before_imports(check: Callable[[], object] | None = None) -> None:
    """For the top of a program, above the imports that take seconds: says so on a terminal, and ends on Ctrl-C during these as
    `run` does later.

    check: refuses a wrong command line before them.
    """
    _mend_terminal()
    if check:
        run(check)
    if sys.stderr.isatty() and not {"-h", "--help"} & {*sys.argv}:
        print("loading …", file=sys.stderr, flush=True)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # and not ignored, as behind nohup
        # An exception would not do: libraries that are half imported turn it into errors of their own.
        signal.signal(signal.SIGINT, _stop_at_once)


def run(main: Callable[[], object]) -> None:
    """Call `main`; a UserError and a failing disk end in one line on stderr and exit status 2, Ctrl-C in one line and exit
    status 130, a closed pipe at its output in silence and exit status 141. All other exceptions are bugs and keep their
    traceback.

    Who catches KeyboardInterrupt to keep what is done may raise it again with a message on how to go on.
    """
    _mend_terminal()
    if signal.getsignal(signal.SIGINT) is _stop_at_once:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        main()
        if sys.stdout is not None:
            sys.stdout.flush()  # here, where a full disk can still be said
    except UserError as error:
        _end(f"error: {error}", 2)
    except KeyboardInterrupt as interrupt:
        _end(f"stopped: {interrupt}" if interrupt.args else "stopped", 130)
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        _end("", 141)
    except OSError as error:
        place = error.filename or "a file"
        _end(f"error: {place}: {error.strerror or error}; give another path, or make room or mend its permissions", 2)


def _mend_terminal() -> None:
    """A terminal of a legacy code page shows what it lacks as an escape, and without a stderr its lines go nowhere."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # takes the place of the missing one, or the next file opened would get its lines
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _stop_at_once(*_) -> None:
    with suppress(OSError):
        os.write(2, b"stopped\n")
    os._exit(130)


def _end(line: str, status: int) -> None:
    with suppress(OSError):
        if line:
            print(line, file=sys.stderr)
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains again as it flushes at exit
    sys.exit(status)
