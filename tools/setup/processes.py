"""Starts the gate's processes, keeps them running, and leaves none behind.

Each process has a session of its own, so that stopping it stops what it started too. A process that
ends is started again within a second, which is what systemd does for the daemon on a real gate.
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import time

from .install import Trouble

# A process that ends this often in a row before it is ready will not become ready by trying again.
TRIES_BEFORE_READY = 3
# Nor will one that ends at once so often in a minute, even if it needs no ready line. One that lived
# longer and was killed is always started again.
AT_ONCE_S = 5
MOST_SHORT_LIVES_A_MINUTE = 6
AGAIN_AFTER_S = 0.5
STOP_PATIENCE_S = 10
READY_PATIENCE_S = 60


class Process:
    """One process, its log, and how often it had to be started again."""

    def __init__(self, name, command, log, ready=None, folder=None):
        self.name = name
        self.command = [str(part) for part in command]
        self.log = log
        # A pattern of the line that it prints when it is ready; none means ready at once.
        self.ready_line = re.compile(ready, re.MULTILINE) if ready else None
        self.folder = folder
        self.child = None
        self.restarts = 0
        # Ends in a row before it was ready.
        self.unready_ends = 0
        # When it ended soon after its start, in the last minute.
        self.short_lives = []
        self.started_at = None
        self.ended_at = None
        self.log_from = 0

    def start(self):
        self.log_from = self.log.stat().st_size if self.log.exists() else 0
        try:
            with open(self.log, "ab") as log:
                self.child = subprocess.Popen(
                    self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                    cwd=self.folder, start_new_session=True,
                )
        except OSError as error:
            raise Trouble(
                f"{self.name} cannot be started: {error.filename or self.command[0]}: {error.strerror}.",
                "run ./tools/start --setup-only; it builds and installs what is missing.",
            ) from None
        self.started_at = time.monotonic()
        self.ended_at = None

    def said(self):
        """What it printed since it was last started."""
        with open(self.log, "rb") as log:
            log.seek(self.log_from)
            return log.read().decode("utf-8", "replace")

    def ready(self):
        """The match of its ready line; True when it needs none; None while it is not ready."""
        return self.ready_line.search(self.said()) if self.ready_line else True

    def running(self):
        return self.child is not None and self.child.poll() is None

    def signal(self, number):
        try:
            os.killpg(self.child.pid, number)
        except ProcessLookupError:
            pass

    def last_words(self, lines=12):
        return "\n".join(f"    {line}" for line in self.said().splitlines()[-lines:]) or "    (nothing)"


class Supervisor:
    """All processes of one run, in the order in which they were started."""

    def __init__(self, remembered):
        self.processes = []
        self.remembered = pathlib.Path(remembered)

    def start(self, process):
        """Starts a process and waits for its ready line; returns the line's match."""
        self.processes.append(process)
        process.start()
        self.remember()
        deadline = time.monotonic() + READY_PATIENCE_S
        while not process.ready():
            if time.monotonic() > deadline:
                raise Trouble(
                    f"{process.name} was not ready after {READY_PATIENCE_S} s; it said last:\n"
                    f"{process.last_words()}",
                    f"read {process.log}",
                )
            self.look_after()
            time.sleep(0.05)
        return process.ready()

    def look_after(self):
        """One round: whatever ended is started again. Called several times a second."""
        now = time.monotonic()
        for process in self.processes:
            if process.running():
                continue
            if process.ended_at is None:
                process.ended_at = now
                self.judge_end(process)
            elif now - process.ended_at >= AGAIN_AFTER_S:
                process.restarts += 1
                process.start()
                self.remember()

    def judge_end(self, process):
        code = process.child.returncode
        # What it may have left behind in its session goes with it.
        process.signal(signal.SIGKILL)
        process.unready_ends = 0 if process.ready() else process.unready_ends + 1
        if process.ended_at - process.started_at < AT_ONCE_S:
            process.short_lives.append(process.ended_at)
        process.short_lives = [one for one in process.short_lives if process.ended_at - one < 60]
        how = f"signal {-code}" if code < 0 else f"status {code}"
        if process.name == "gatewayd" and code == 2:
            raise Trouble(
                f"the configuration has mistakes:\n{process.last_words(40)}",
                "mend config/sites/demo.toml, or whatever file the lines above name.",
            )
        short_lives = len(process.short_lives)
        if process.unready_ends >= TRIES_BEFORE_READY or short_lives >= MOST_SHORT_LIVES_A_MINUTE:
            raise Trouble(
                f"{process.name} ended {max(process.unready_ends, short_lives)} times soon after its start "
                f"({how}); it said last:\n{process.last_words()}",
                f"read {process.log}",
            )
        print(f"! {process.name} ended ({how}); starting it again", flush=True)

    def watch(self, seconds, done=lambda: False):
        """Looks after the processes for so long, or until `done`."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not done():
            self.look_after()
            time.sleep(0.1)

    def stop(self):
        """Stops everything, the last started first; what does not go within ten seconds is killed."""
        for process in reversed(self.processes):
            if process.running():
                process.signal(signal.SIGTERM)
                try:
                    process.child.wait(STOP_PATIENCE_S)
                except subprocess.TimeoutExpired:
                    print(f"! {process.name} did not stop within {STOP_PATIENCE_S} s; it is killed")
            if process.child is not None:
                process.signal(signal.SIGKILL)
                process.child.wait()
        self.processes = []
        self.remembered.unlink(missing_ok=True)

    def remember(self):
        """Writes down what runs, so that the next start can end it if this one is killed."""
        running = [[one.child.pid, born(one.child.pid)] for one in self.processes if one.running()]
        self.remembered.write_text(json.dumps(running))


def end_leftovers(remembered):
    """Ends what an earlier run, killed before it could tidy up, left running."""
    try:
        leftovers = json.loads(pathlib.Path(remembered).read_text())
    except (OSError, ValueError):
        return
    for pid, when in leftovers:
        # The same number may belong to another process by now; its birth tells.
        if when is not None and born(pid) == when:
            print(f"! process {pid} is left from an earlier run; it is ended")
            os.killpg(pid, signal.SIGKILL)
    pathlib.Path(remembered).unlink(missing_ok=True)


def born(pid):
    """When the process started, in clock ticks since boot; None when there is none."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # Field 22; the name in brackets before it may hold spaces.
    return int(stat.rpartition(")")[2].split()[19])
