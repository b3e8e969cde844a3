"""Runs the scripts' own tests, `python3 -m setup.script_tests`; it is a failure if there is none."""

import sys
import unittest

from .install import ROOT


def main(folder=ROOT / "tools"):
    found = unittest.defaultTestLoader.discover(str(folder), pattern="*_test.py")
    done = unittest.TextTestRunner(verbosity=0).run(found)
    if done.testsRun == 0:
        print(f"no test was found in {folder}", file=sys.stderr)
        return 1
    return 0 if done.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
