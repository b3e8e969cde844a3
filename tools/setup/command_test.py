"""One run at a time, and its children are not locked out."""

import os
import pathlib
import tempfile
import unittest

from setup.command import HELD, only_one
from setup.install import Trouble


class TheRunLock(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.cache = pathlib.Path(folder.name)
        # These tests may themselves be children of a check that holds the lock.
        held = os.environ.pop(HELD, None)
        if held is not None:
            self.addCleanup(os.environ.__setitem__, HELD, held)

    def test_a_second_run_is_told_to_wait(self):
        with only_one(self.cache):
            stranger = os.environ.pop(HELD)
            with self.assertRaises(Trouble), only_one(self.cache):
                pass
            os.environ[HELD] = stranger
        with only_one(self.cache):
            pass

    def test_a_child_is_covered_by_the_lock_of_its_parent(self):
        with only_one(self.cache), only_one(self.cache):
            self.assertTrue(os.environ[HELD])
        self.assertNotIn(HELD, os.environ)


if __name__ == "__main__":
    unittest.main()
