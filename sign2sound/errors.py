"""The one way a program of this project ends on a user's mistake."""

import sys
from collections.abc import Callable


class UserError(Exception):
    """A mistake the user can mend. Its message says what was found, what was expected and what to do."""


def run(main: Callable[[], None]) -> None:
    """Call `main`; a UserError ends in one line on stderr and exit status 2, Ctrl-C in exit status 130."""
    try:
        main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)
