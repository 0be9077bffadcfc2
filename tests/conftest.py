"""What all tests need: signals as at a terminal, and no limit on the time that an example takes."""

import signal

from hypothesis import settings


def pytest_configure():
    """What a script starts in the background ignores Ctrl-C, and so would all that tests start and interrupt."""
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)
    settings.register_profile("on a busy machine", deadline=None)
    settings.load_profile("on a busy machine")
