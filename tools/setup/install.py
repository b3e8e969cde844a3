"""Brings the machine to where the gateway can be built and run; what is there already is left alone.

Every download is pinned: Debian's packages by their signatures, crates by Cargo.lock, npm packages by
package-lock.json, models and ONNX Runtime by the SHA-256 sums of models/models.toml.
"""

import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CACHE = ROOT / ".cache"
WEB = ROOT / "gateway" / "web"
RELEASE = ROOT / "target" / "release"

# Debian keeps useradd and mosquitto where a plain user's PATH does not look.
os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])

# What building and running need, by Debian's names.
TO_RUN = [
    "build-essential", "pkg-config", "ca-certificates", "python3-pip",
    "libgstreamer1.0-dev", "libgstreamer-plugins-base1.0-dev", "libgstrtspserver-1.0-dev",
    "gstreamer1.0-plugins-base", "gstreamer1.0-plugins-good", "gstreamer1.0-plugins-bad",
    "gstreamer1.0-plugins-ugly", "gstreamer1.0-libav", "mosquitto", "fonts-noto-cjk",
]
# What the check needs besides: git lists the tree, faults come from strace, Chromium sees the page.
TO_CHECK = ["git", "chromium", "strace"]
# As the root Cargo.toml says it.
CARGO = (1, 95)
# What the page's bundler runs on: the least of each long-lived version, and everything from 24 on.
NODES = {20: (20, 19), 22: (22, 12)}
NODE_FROM = 24
NEXTEST = "0.9.143"
BINARIES = ["gatewayd", "gatectl", "camera-sim", "sensors-sim", "grid-sim", "faultproxy"]


class Trouble(Exception):
    """Something that stops the work: what happened and what to do about it."""

    def __init__(self, cause, remedy):
        super().__init__(cause)
        self.cause = cause
        self.remedy = remedy

    def __str__(self):
        return f"{self.cause}\n  Remedy: {self.remedy}"


def everything(for_tests=False):
    """The whole set-up, in the order in which one step needs the other."""
    debian_packages(TO_RUN + TO_CHECK if for_tests else TO_RUN)
    toolchains(for_tests)
    models()
    page()
    binaries()


def step(name, command, remedy, cwd=ROOT, **more):
    """Runs one command; its output goes to the terminal, its failure stops with the remedy."""
    began = time.monotonic()
    print(f"· {name}", flush=True)
    try:
        child = subprocess.Popen(command, cwd=cwd, **more)
    except OSError as error:
        raise Trouble(f"{name}: {command[0]} cannot be run: {error.strerror}.", remedy) from None
    try:
        code = child.wait()
    except KeyboardInterrupt:
        # It may have processes of its own to end, so it is asked and not killed.
        child.terminate()
        child.wait()
        raise
    if code != 0:
        raise Trouble(f"{name} failed: `{' '.join(command)}` ended with {code}.", remedy)
    seconds = time.monotonic() - began
    print(f"✓ {name} ({seconds:.1f} s)", flush=True)
    return seconds


def debian_packages(names):
    missing = missing_packages(names)
    if not missing:
        return
    wanted = " ".join(missing)
    if os.geteuid() != 0:
        raise Trouble(
            f"these Debian packages are missing: {wanted}.",
            f"sudo apt-get install --no-install-recommends {wanted}",
        )
    remedy = (
        "see whether Debian's package registry can be reached (apt-get update says why not), then run "
        f"this again, or install by hand: {wanted}"
    )
    quiet = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    step("refresh Debian's package lists", ["apt-get", "update", "-qq"], remedy, env=quiet)
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
    step(f"install {wanted}", install, remedy, env=quiet)


def missing_packages(names):
    if not shutil.which("dpkg-query"):
        print(f"· this is no Debian system; it needs what these packages hold: {' '.join(names)}")
        return []
    query = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *names]
    said = subprocess.run(query, capture_output=True, text=True).stdout
    installed = {line.split()[0] for line in said.splitlines() if line.endswith(" installed")}
    return [name for name in names if name not in installed]


def toolchains(for_tests):
    cargo = version(["cargo", "--version"])
    wanted = ".".join(str(number) for number in CARGO)
    if cargo is None or cargo < CARGO:
        raise Trouble(
            f"the gateway is built with Rust {wanted} or newer; here is {spoken(cargo)}.",
            "rustup update stable; if there is no rustup, install it from https://rustup.rs.",
        )
    node = version(["node", "--version"])
    if not node_fits(node):
        raise Trouble(
            f"the page is built with Node 20 (20.19 or newer), 22 (22.12 or newer) or 24; here is {spoken(node)}.",
            "install the newest Node 20 or 22 (nodesource.com has Debian packages), then run this again.",
        )
    if version(["npm", "--version"]) is None:
        raise Trouble("there is no npm beside Node.", "install Debian's npm, or Node from nodesource.com.")
    if for_tests:
        tools_of_the_check()


def tools_of_the_check():
    for tool, component in [("fmt", "rustfmt"), ("clippy", "clippy")]:
        if version(["cargo", tool, "--version"]) is None:
            raise Trouble(f"there is no cargo {tool}.", f"rustup component add {component}")
    # Asked of cargo, which also finds what it installed itself where PATH does not look.
    if version(["cargo", "nextest", "--version"]) is None:
        step(
            f"install cargo-nextest {NEXTEST}",
            ["cargo", "install", "--locked", "--version", NEXTEST, "cargo-nextest"],
            "see whether crates.io can be reached, then run this again.",
        )


def version(command):
    """The first version that a command prints, as numbers; None when it cannot be run or fails."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    except OSError:
        return None
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", done.stdout)
    if done.returncode != 0 or found is None:
        return None
    return tuple(int(number) for number in found.groups() if number)


def spoken(numbers):
    return ".".join(str(number) for number in numbers) if numbers else "none"


def node_fits(node):
    if node is None:
        return False
    return node[0] >= NODE_FROM or node >= NODES.get(node[0], (NODE_FROM,))


def models():
    step(
        "fetch models and ONNX Runtime",
        [str(ROOT / "tools" / "models")],
        "the line above says what is wrong and what to do.",
    )


def page():
    """Builds the page into gateway/web/dist, from where the daemon's build takes it."""
    lock = WEB / "package-lock.json"
    if not lock.is_file():
        raise Trouble("gateway/web/package-lock.json is missing.", "restore it from the repository.")
    remedy = "see whether the npm registry can be reached (npm ping), then run this again."
    with changed("npm", [lock], WEB / "node_modules" / ".bin") as new:
        if new:
            step("install the page's packages", ["npm", "ci", "--silent"], remedy, cwd=WEB)
    sources = [path for path in sorted(WEB.rglob("*")) if is_page_source(path)]
    with changed("page", sources, WEB / "dist" / "index.html") as new:
        if new:
            remedy = "the lines above name the file and the mistake."
            step("build the page", ["npm", "run", "--silent", "build"], remedy, cwd=WEB)


def is_page_source(path):
    apart = {"node_modules", "dist", "tests", "dev", "screens"}
    return path.is_file() and not apart.intersection(path.relative_to(WEB).parts)


class changed:
    """True inside `with` when the files differ from the last time that its body came to its end."""

    def __init__(self, name, files, result):
        digest = hashlib.sha256()
        for path in files:
            digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
        self.digest = digest.hexdigest()
        self.stamp = CACHE / f"{name}.stamp"
        self.result = result

    def __enter__(self):
        known = self.stamp.read_text() if self.stamp.is_file() else ""
        return known != self.digest or not self.result.exists()

    def __exit__(self, kind, *_):
        if kind is None:
            self.stamp.write_text(self.digest)


def binaries():
    # The whole workspace, as the tests build it: the same features, so nothing is built twice.
    step(
        "build (release)",
        ["cargo", "build", "--release", "--locked", "--workspace", "--bins", "--quiet"],
        "the lines above name the file and the mistake; if a crate could not be fetched, see whether "
        "crates.io can be reached.",
    )
    for name in BINARIES:
        if not (RELEASE / name).is_file():
            raise Trouble(f"the build made no {name}.", "see the member's Cargo.toml for its [[bin]].")
