"""The demonstration gate: which processes it has, how they are started, and how a run is judged."""

import http.client
import json
import pathlib
import signal
import socket
import time
import urllib.request

from . import install, processes, site as sites, tally
from .install import RELEASE, Trouble
from .processes import Process, Supervisor

# Everything must be up so long after the simulators were told when the traffic starts.
LEAD_S = 12
# After the last second: so long until everything recorded must be confirmed upstream.
SETTLE_S = 30
LANES = "in-1,out-1"


class Demo:
    """One run: `start`, `watch`, `settle`, `summary`, and always `stop`."""

    def __init__(self, folder, seed, fresh):
        self.seed = str(seed)
        remembered = install.CACHE / f"{folder.name.lstrip('.')}-processes.json"
        processes.end_leftovers(remembered)
        self.site = sites.prepare(folder, fresh)
        self.supervisor = Supervisor(remembered)
        self.truth = folder / "truth.jsonl"
        self.moves = folder / "moves.jsonl"
        self.moves.unlink(missing_ok=True)
        self.clips = install.CACHE / "clips"
        self.start_ms = None
        self.page = None
        self.code = None
        # How far the journal goes, what of it is without receipt, and what the platform holds.
        self.last, self.waiting, self.book = 0, None, {}

    def start(self):
        self.draw_clips()
        sites.write_lists(self.site, self.seed)
        # The platform makes its key when it starts, and it needs the broker, which needs a configuration.
        sites.write_configuration(self.site, sites.NO_KEY)
        sites.write_secrets(self.site)
        sites.write_broker(self.site)
        self.start_broker()
        sites.write_configuration(self.site, self.start_grid())
        # Cameras and sensors act by one clock, which begins when everything is up.
        self.start_ms = int((time.time() + LEAD_S) * 1000)
        self.start_cameras()
        self.start_gateway()
        self.start_sensors()
        self.wait_for_cameras()

    def stop(self):
        # A second Ctrl-C must not leave half of them running.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        self.supervisor.stop()

    def watch(self, seconds, done=lambda: False):
        self.supervisor.watch(seconds, done)

    def until_start(self):
        """Seconds until the traffic starts."""
        return max(0.0, self.start_ms / 1000 - time.time())

    def process(self, name, command, ready=None):
        log = self.site.log(name)
        log.unlink(missing_ok=True)
        return self.supervisor.start(Process(name, command, log, ready, folder=install.ROOT))

    def draw_clips(self):
        """Drawing and encoding the vehicles takes a minute the first time and nothing later."""
        install.step(
            "draw the vehicles",
            [str(part) for part in self.camera_command("--prepare")],
            "the lines above name the cause; .cache/clips may be deleted at any time.",
        )

    def camera_command(self, *more):
        return [RELEASE / "camera-sim", "--lanes", LANES, "--seed", self.seed, "--cache", self.clips, *more]

    def start_broker(self):
        conf = self.site.folder / "broker" / "mosquitto.conf"
        self.process("mosquitto", ["mosquitto", "-c", conf])
        self.supervisor.watch(10, done=lambda: listens(self.site.broker_port))
        if not listens(self.site.broker_port):
            raise Trouble(
                f"mosquitto does not listen on port {self.site.broker_port}; it said last:\n"
                f"{self.supervisor.processes[-1].last_words()}",
                f"read {conf} and {self.site.log('mosquitto')}",
            )

    def start_grid(self):
        """Starts the platform and returns its public key."""
        folder = self.site.grid
        password = folder / "password"
        sites.write_private(password, sites.read_secrets(self.site)[sites.GRID_SECRET])
        self.process("grid-sim", [
            RELEASE / "grid-sim", "--broker", f"127.0.0.1:{self.site.broker_port}",
            "--user", sites.GRID_USER, "--password-file", password, "--store", folder / "store",
            "--key", folder / "key", "--public-key-file", folder / "key.pub",
            "--http", self.site.grid_port,
        ])
        key = folder / "key.pub"
        self.supervisor.watch(15, done=lambda: key.is_file() and listens(self.site.grid_port))
        if not key.is_file():
            raise Trouble("grid-sim wrote no public key.", f"read {self.site.log('grid-sim')}")
        return key.read_text().strip()

    def start_cameras(self):
        self.process(
            "camera-sim",
            self.camera_command(
                "--port", self.site.rtsp_port, "--start-at", self.start_ms,
                "--login", f"gateway:{sites.read_secrets(self.site)['cameras']}",
            ),
            ready=r"^ready rtsp://.*/out-1",
        )

    def start_gateway(self):
        command = [
            RELEASE / "gatewayd", "--config", self.site.configuration,
            "--state-dir", self.site.state, "--secrets", self.site.secrets,
        ]
        ready = self.process("gatewayd", command + sites.user_argument(), ready=r"^ready page=(\S+)(?: code=(\S+))?")
        self.page, self.code = ready.group(1), ready.group(2)

    def start_sensors(self):
        self.process("sensors-sim", [
            RELEASE / "sensors-sim", "--broker", f"127.0.0.1:{self.site.broker_port}",
            "--secrets", self.site.secrets, "--seed", self.seed, "--start-at", self.start_ms,
            "--moves", self.moves, "--truth", self.truth,
        ])

    def wait_for_cameras(self):
        def live():
            cameras = self.ask("/api/status").get("cameras", [])
            return len(cameras) == 2 and all(camera["state"] == "live" for camera in cameras)

        self.supervisor.watch(self.until_start(), done=live)
        if not live():
            raise Trouble(
                f"not every camera was live {LEAD_S} s after the start.",
                f"read {self.site.log('gatewayd')} and {self.site.log('camera-sim')}; on a slow or busy "
                "machine try again.",
            )

    def ask(self, path):
        """The daemon's answer over its control socket; empty while it is not there."""
        connection = UnixConnection(self.site.state / "control.sock")
        try:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())
        except (OSError, ValueError, http.client.HTTPException):
            return {}
        finally:
            connection.close()

    def ask_grid(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.site.grid_port}{path}", timeout=10) as answer:
                return json.load(answer)
        except (OSError, ValueError):
            return {}

    def outbox(self):
        """The last number of the journal, and how many events upstream has not confirmed."""
        destinations = self.ask("/api/outbox")
        if not isinstance(destinations, list) or not destinations:
            return 0, None
        return destinations[0]["last_number"], sum(one["waiting"] for one in destinations)

    def settle(self):
        """Waits until everything recorded is confirmed; `summary` says so if it never is."""
        def settled():
            self.last, self.waiting = self.outbox()
            self.book = self.ask_grid("/summary")
            return self.last > 0 and self.waiting == 0 and tally.received(self.book) == self.last

        self.supervisor.watch(SETTLE_S, done=settled)

    def summary(self, seconds):
        """Prints what came, what was decided and what the platform has; 0 when all of it is right."""
        last, waiting, book = self.last, self.waiting, self.book
        decisions = tally.decisions(self.ask_grid("/events?kind=decision") or [], self.start_ms)
        alerts = tally.alerts(self.ask_grid("/events?kind=alert_raised") or [])
        counted = tally.judge(tally.read_truth(self.truth), decisions, seconds)
        counted.objections += tally.without_alert(decisions, alerts)
        counted.objections += tally.upstream(book, last, waiting)
        verdicts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counted.verdicts.items()))
        print(f"\nafter {seconds} s")
        print(f"  vehicles   {counted.vehicles}, of them {len(counted.misread)} misread")
        print(f"  persons    {counted.persons}")
        print(f"  decisions  {verdicts or 'none'}")
        print(f"  alerts     {len(alerts)}")
        print(f"  events     {last} recorded, {tally.received(book)} received upstream, "
              f"{'?' if waiting is None else waiting} without receipt")
        print(f"  restarts   {self.restarts()}")
        for objection in counted.objections:
            print(f"  ✗ {objection}")
        if not counted.objections:
            but = f" (misread: {'; '.join(counted.misread)})" if counted.misread else ""
            print(f"  ✓ every arrival has its one right decision{but}, and the platform has every event")
        return 1 if counted.objections else 0

    def restarts(self):
        """How often the gateway had to be started again, and whatever else had to be."""
        counts = {one.name: one.restarts for one in self.supervisor.processes}
        return ", ".join(
            f"{name} {count}" for name, count in counts.items() if count or name == "gatewayd"
        )


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a socket in the file system."""

    def __init__(self, path):
        super().__init__("localhost", timeout=5)
        self.path = str(pathlib.Path(path))

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def listens(port):
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
