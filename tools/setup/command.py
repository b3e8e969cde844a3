"""What the commands of the README share: they end in the same tidy way, and two never share a folder."""

import fcntl
import os
import signal

from .install import CACHE, Trouble

# Set for the children of a command that holds the lock, which covers them too.
HELD = "GATEWAY_RUN_LOCK"


def end_tidily():
    """Ctrl-C, a closed terminal and a polite kill all end as KeyboardInterrupt."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)


def interrupted(_number, _frame):
    raise KeyboardInterrupt


class only_one:
    """Two runs would set up over each other and share a directory; inside `with` there is one."""

    def __init__(self, cache=CACHE):
        self.cache = cache
        self.file = None

    def __enter__(self):
        self.cache.mkdir(exist_ok=True)
        # The daemon's user passes through it, whatever the umask.
        self.cache.chmod(0o755)
        if os.environ.get(HELD):
            return
        self.file = open(self.cache / "start.lock", "w")
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.file.close()
            raise Trouble(
                "another ./tools/start or ./tools/check is running here.",
                "wait for its end, or stop it with Ctrl-C.",
            ) from None
        os.environ[HELD] = "yes"

    def __exit__(self, *_):
        if self.file is not None:
            self.file.close()
            del os.environ[HELD]
