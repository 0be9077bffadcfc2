"""`python -m taskdisc` is the command `taskdisc`."""

from taskdisc.cli import main

if __name__ == "__main__":
    main()
