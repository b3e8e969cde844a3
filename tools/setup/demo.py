"""The demonstration gate: which processes it has, how they are started, and how a run is judged."""

import http.client
import json
import math
import socket
import time
import urllib.request

from . import install, processes, site as sites, tally
from .install import RELEASE, Trouble
from .processes import Process, Supervisor

# From the start of the simulators to the first arrival's clock; everything must be up by then.
LEAD_S = 6
# After the last second: so long until everything recorded must be confirmed upstream.
SETTLE_S = 30
GATEWAY = "gate-1"


class Demo:
    """One run. `start`, then `watch`, `settle`, `summary`, and always `stop`."""

    def __init__(self, folder, seed, fresh):
        self.seed = str(seed)
        remembered = folder.parent / ".run-processes.json" if folder.name != ".run" else (
            install.CACHE / "processes.json"
        )
        processes.end_leftovers(remembered)
        self.site = sites.prepare(folder, fresh)
        self.supervisor = Supervisor(remembered)
        self.truth = self.site.folder / "truth.jsonl"
        self.moves = self.site.folder / "moves.jsonl"
        self.start_ms = None
        self.page = None
        self.code = None

    def start(self):
        self.encode_clips()
        sites.write_lists(self.site, self.seed)
        sites.write_grid_key(self.site)
        sites.write_configuration(self.site)
        sites.write_secrets(self.site)
        sites.write_broker(self.site)
        self.start_broker()
        self.start_grid()
        # Cameras and sensors act by one clock, which begins when everything is up.
        self.start_ms = int((time.time() + LEAD_S) * 1000)
        self.start_cameras()
        self.start_gateway()
        self.start_sensors()
        self.wait_for_cameras()
