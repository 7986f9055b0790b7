"""waiting.py: wait for a condition instead of sleeping."""
import time


class Timeout(AssertionError):
    """A condition that did not come true in time."""


class Hopeless(AssertionError):
    """Raised by a condition that can no longer come true."""


def wait_until(condition, what, timeout=30.0, interval=0.02):
    """Calls `condition` until it returns something true, which is returned. `what` (text, or a function that
    gives the text at the end) says what was waited for. Errors of the condition count as "not yet"."""
    deadline = time.monotonic() + timeout
    last = None
    while True:
        try:
            value = condition()
            if value:
                return value
            last = value
        except Hopeless:
            raise
        except Exception as error:  # pylint: disable=broad-except
            last = error
        if time.monotonic() > deadline:
            text = what() if callable(what) else what
            raise Timeout(f"waited {timeout:g} s for {text}; last: {last!r}")
        time.sleep(interval)
