"""Runs the page's browser tests against a real gate with traffic; `python3 -m setup.page_tests`."""

import os
import signal
import subprocess
import sys

from . import demo, site
from .command import end_tidily, only_one
from .install import WEB, Trouble

PATIENCE_S = 900


def main():
    end_tidily()
    try:
        with only_one():
            return run()
    except Trouble as trouble:
        print(f"page tests: {trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def run():
    gate = demo.Demo(site.choose_folder(".cache/page-run"), seed=11, fresh=True)
    try:
        gate.start()
        return browse(gate)
    finally:
        gate.stop()


def browse(gate):
    where = dict(os.environ, GATEWAY_URL=gate.page, GATEWAY_CODE=gate.code or "")
    # A session of its own, so that the end of npm is the end of its browsers too.
    tests = subprocess.Popen(
        ["npm", "run", "--silent", "test"], cwd=WEB, env=where, start_new_session=True
    )
    try:
        gate.watch(PATIENCE_S, done=lambda: tests.poll() is not None)
        if tests.poll() is None:
            raise Trouble(
                f"they were not done after {PATIENCE_S} s.",
                f"read {gate.site.folder / 'logs'}; the test named last is the one that hangs.",
            )
    finally:
        end_session(tests)
    return tests.returncode


def end_session(child):
    """Whatever is left in the child's session, also when the child itself is gone."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.wait()


if __name__ == "__main__":
    sys.exit(main())
