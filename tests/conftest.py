"""What all tests need: signals as at a terminal."""

import signal


def pytest_configure():
    """What a script starts in the background ignores Ctrl-C, and so would all that tests start and interrupt."""
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)
