"""The one way a program of this project ends on a user's mistake."""

import os
import sys
from collections.abc import Callable


class UserError(Exception):
    """A mistake the user can mend. Its message says what was found, what was expected and what to do."""


def run(main: Callable[[], None]) -> None:
    """Call `main`; a UserError ends in one line on stderr and exit status 2, Ctrl-C in one line and exit status 130,
    a closed pipe at its output in silence and exit status 141.

    Who catches KeyboardInterrupt to keep what is done may raise it again with a message on how to go on.
    """
    try:
        main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt as interrupt:
        print(f"stopped: {interrupt}" if interrupt.args else "stopped", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains again as it flushes at exit
        sys.exit(141)
