"""Runs the page's browser tests against a real gate with traffic; `python3 -m setup.page_tests`."""

import os
import signal
import subprocess
import sys

from . import demo, site
from .install import WEB, Trouble

PATIENCE_S = 900


def main():
    signal.signal(signal.SIGTERM, interrupted)
    gate = demo.Demo(site.choose_folder(".cache/page-run"), seed=11, fresh=True)
    try:
        gate.start()
        return browse(gate)
    except Trouble as trouble:
        print(f"page tests: {trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        gate.stop()


def interrupted(_number, _frame):
    raise KeyboardInterrupt


def browse(gate):
    where = dict(os.environ, GATEWAY_URL=gate.page, GATEWAY_CODE=gate.code or "")
    tests = subprocess.Popen(["npm", "run", "--silent", "test"], cwd=WEB, env=where)
    try:
        gate.watch(PATIENCE_S, done=lambda: tests.poll() is not None)
    finally:
        if tests.poll() is None:
            print(f"page tests: not done after {PATIENCE_S} s")
            tests.kill()
            tests.wait()
    return tests.returncode


if __name__ == "__main__":
    sys.exit(main())
