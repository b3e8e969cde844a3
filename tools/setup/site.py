"""The run directory of the demonstration site: configuration, secrets, lists, and who may read them.

    site/      gateway.toml, devices/, rules/, lists/ as a technician would have them
    broker/    the device broker's configuration, passwords and queue; belongs to its user
    state/     the daemon's journal, evidence and control socket; belongs to its user
    grid/      the reference platform's store and key
    logs/      one file a process

The directory can be entered by the two users but not listed; each file has its own mode.
"""

import dataclasses
import os
import pathlib
import pwd
import re
import secrets
import shutil
import socket
import subprocess
import tomllib

from .install import RELEASE, ROOT, Trouble

DAEMON_USER = "gatewayd"
BROKER_USER = "mosquitto"
TEMPLATE = ROOT / "config" / "sites" / "demo.toml"
PAGE_PORT = 8480
# 32 bytes in base64: stands where the platform's key will stand, until the platform has made it.
NO_KEY = "A" * 43 + "="
GRID_USER = "grid"
GRID_SECRET = "guest-grid"


@dataclasses.dataclass
class Site:
    """Where everything of one run lies and listens."""

    folder: pathlib.Path
    broker_port: int
    rtsp_port: int
    grid_port: int
    page_port: int

    @property
    def configuration(self):
        return self.folder / "site" / "gateway.toml"

    @property
    def state(self):
        return self.folder / "state"

    @property
    def secrets(self):
        return self.state / "secrets.toml"

    @property
    def grid(self):
        return self.folder / "grid"

    @property
    def lists(self):
        return self.folder / "site" / "lists"

    def log(self, name):
        return self.folder / "logs" / f"{name}.log"


def choose_folder(name):
    """A folder beside the sources; one under /var/tmp where other users cannot reach the sources."""
    if os.geteuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in [ROOT, *ROOT.parents]):
        return ROOT / name
    return pathlib.Path("/var/tmp") / f"gateway{name.replace('/', '-')}-{ROOT.stat().st_ino}"


def prepare(folder, fresh):
    """Makes the run directory; keeps journal, keys and passwords of an earlier run unless `fresh`."""
    if fresh and folder.exists():
        shutil.rmtree(folder)
    make(folder, 0o711)
    site = Site(folder, free_port(), free_port(), free_port(), page_port())
    for name in ["site", "models"]:
        make(folder / name, 0o755)
    for name in ["logs", "grid"]:
        make(folder / name, 0o700)
    if os.geteuid() == 0:
        create_user(DAEMON_USER)
    make(site.state, 0o700, DAEMON_USER)
    copy_site(site)
    link_models(folder / "models")
    return site


def make(folder, mode, user=None):
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(mode)
    give(folder, user)


def give(path, user):
    """Hands a path to a user, where we may."""
    if user and os.geteuid() == 0:
        entry = pwd.getpwnam(user)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def give_tree(folder, user):
    for path in [folder, *folder.rglob("*")]:
        give(path, user)


def create_user(name):
    try:
        pwd.getpwnam(name)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise Trouble(
                f"the system user {name} could not be made: {done.stderr.strip()}",
                f"make it by hand: {' '.join(command)}",
            ) from None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def page_port():
    """The usual one if nobody listens there, else any."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", PAGE_PORT))
            return PAGE_PORT
        except OSError:
            return free_port()


def copy_site(site):
    for name in ["devices", "rules"]:
        shutil.copytree(ROOT / "config" / name, site.folder / "site" / name, dirs_exist_ok=True)
    for path in (site.folder / "site").rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def link_models(into, models=ROOT / "models"):
    """The daemon's user must be able to read the models even where it cannot reach the sources."""
    for path in models.iterdir():
        target = into / path.name
        if not path.is_file() or (is_open(target) and target.stat().st_mtime >= path.stat().st_mtime):
            continue
        target.unlink(missing_ok=True)
        # A link has the mode of the file, which is not ours to change; a copy has its own.
        if not is_open(path) or not linked(path, target):
            shutil.copy2(path, target)
            target.chmod(0o644)


def is_open(path):
    """There, and every user may read it."""
    return path.exists() and path.stat().st_mode & 0o004 != 0


def linked(path, target):
    try:
        os.link(path, target)
    except OSError:
        return False
    return True


def write_lists(site, seed):
    """The residents, cards and watched plates of the traffic that will come."""
    run([RELEASE / "sensors-sim", "--seed", seed, "--write-lists", site.lists], "write the lists")
    site.lists.chmod(0o755)
    for path in site.lists.iterdir():
        path.chmod(0o644)


def write_configuration(site, grid_key):
    """Fills the template's @NAMES@ in; a name without a value is a mistake of this script."""
    values = {
        "CONFIG_DIR": site.configuration.parent,
        "LISTS_DIR": site.lists,
        "MODELS_DIR": site.folder / "models",
        "STATE_DIR": site.state,
        "PAGE_PORT": site.page_port,
        "BROKER_PORT": site.broker_port,
        "RTSP_PORT": site.rtsp_port,
        "GRID_KEY": grid_key,
    }
    text = TEMPLATE.read_text(encoding="utf-8")
    unknown = sorted(set(re.findall(r"@([A-Z_]+)@", text)) - set(values))
    if unknown:
        raise Trouble(
            f"config/sites/demo.toml asks for {', '.join(unknown)}, which tools/start does not know.",
            "give them a value in tools/setup/site.py.",
        )
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    site.configuration.write_text(text, encoding="utf-8")
    site.configuration.chmod(0o644)


def write_secrets(site):
    """A random password for each name that the configuration refers to; those there already stay."""
    known = read_secrets(site)
    meant = tomllib.loads(site.configuration.read_text(encoding="utf-8"))
    for name in sorted({"broker-gateway", GRID_SECRET, *named_secrets(meant), *device_secrets(meant)}):
        known.setdefault(name, secrets.token_urlsafe(24))
    lines = [f'"{name}" = "{value}"\n' for name, value in sorted(known.items())]
    write_private(site.secrets, "".join(lines))
    give(site.secrets, DAEMON_USER)


def write_private(path, text):
    """The file is never readable by others, not even while it is written."""
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def read_secrets(site):
    return tomllib.loads(site.secrets.read_text(encoding="utf-8")) if site.secrets.is_file() else {}


def named_secrets(value):
    """Every `…_secret = "name"` of the configuration, wherever it stands."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key.endswith("_secret"):
                yield inner
            else:
                yield from named_secrets(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from named_secrets(inner)


def device_secrets(meant):
    """A device without a `password_secret` of its own has `device-USER`, its user being its id."""
    for lane in meant.get("lane", []):
        barrier = lane.get("barrier")
        for device in lane.get("sensor", []) + ([barrier] if barrier else []):
            user = device.get("user", device.get("id", f"{lane['id']}-barrier"))
            if "password_secret" not in device:
                yield f"device-{user}"


def user_argument():
    """Root gives the daemon to a user of its own; anybody else keeps it."""
    return ["--user", DAEMON_USER] if os.geteuid() == 0 else []


def write_broker(site):
    """The device broker's configuration as the daemon derives it; the broker's user must read it."""
    folder = site.folder / "broker"
    make(folder, 0o700)
    run(
        [RELEASE / "gatewayd", "broker-config", "--config", site.configuration,
         "--secrets", site.secrets, "--out", folder],
        "write the broker's configuration",
    )
    for path in folder.iterdir():
        path.chmod(0o700 if path.is_dir() else 0o600)
    give_tree(folder, BROKER_USER)


def run(command, what):
    command = [str(part) for part in command]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise Trouble(f"could not {what}: `{' '.join(command)}` ended with {done.returncode}:\n{said}",
                      "the lines above name the cause.")
    return done.stdout
