"""The supervisor starts again what ended, but not for ever what cannot live."""

import pathlib
import signal
import sys
import tempfile
import unittest
from unittest import mock

from setup import processes, site
from setup.install import Trouble
from setup.processes import Process, Supervisor


class TheSupervisor(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.supervisor = Supervisor(self.folder / "remembered.json")
        self.addCleanup(self.supervisor.stop)
        quick = mock.patch.object(processes, "AGAIN_AFTER_S", 0.01)
        quick.start()
        self.addCleanup(quick.stop)

    def process(self, code, ready=None):
        return Process("one", [sys.executable, "-c", code], self.folder / "one.log", ready)

    def test_a_process_that_ends_at_once_is_given_up(self):
        one = self.process("raise SystemExit(3)")
        with self.assertRaisesRegex(Trouble, "6 times.*status 3"):
            self.supervisor.start(one)
            self.supervisor.watch(60)
        self.assertEqual(one.restarts, 5)

    def test_a_process_that_is_never_ready_is_given_up_sooner(self):
        one = self.process("raise SystemExit(3)", ready="^ready")
        with self.assertRaisesRegex(Trouble, "3 times.*status 3"):
            self.supervisor.start(one)

    def test_a_process_that_is_killed_comes_back(self):
        one = self.process("import time; print('ready', flush=True); time.sleep(600)", ready="^ready")
        self.supervisor.start(one)
        one.signal(signal.SIGKILL)
        one.child.wait()
        self.supervisor.watch(60, done=lambda: one.restarts == 1 and one.ready())
        self.assertTrue(one.running())

    def test_a_program_that_is_not_there_is_named_with_a_remedy(self):
        one = Process("one", [self.folder / "nothing"], self.folder / "one.log")
        with self.assertRaisesRegex(Trouble, "nothing: No such file"):
            one.start()


class TheModels(unittest.TestCase):
    def test_every_user_may_read_them_and_the_sources_keep_their_mode(self):
        with tempfile.TemporaryDirectory() as folder:
            source, target = pathlib.Path(folder, "models"), pathlib.Path(folder, "run")
            source.mkdir()
            target.mkdir()
            for name, mode in [("open", 0o644), ("closed", 0o600)]:
                (source / name).write_text(name)
                (source / name).chmod(mode)
            for _ in range(2):
                site.link_models(target, source)
                modes = {path.name: path.stat().st_mode & 0o777 for path in target.iterdir()}
                self.assertEqual(modes, {"open": 0o644, "closed": 0o644})
            self.assertEqual((source / "closed").stat().st_mode & 0o777, 0o600)


if __name__ == "__main__":
    unittest.main()
