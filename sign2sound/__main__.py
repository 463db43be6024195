"""The command `sign2sound`, also `python -m sign2sound`; what it does stands in `sign2sound.command`."""

from sign2sound.errors import before_imports, run


def main() -> None:
    before_imports()
    from sign2sound import command  # takes a second

    run(command.main)


if __name__ == "__main__":
    main()
