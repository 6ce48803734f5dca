"""Installs the pinned packages that the test scripts need, unless the same ones are installed."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

TARGET = Path(__file__).parents[1] / "target"


def python(folder: Path) -> str:
    """Installs the `requirements.txt` of a folder into a virtual environment, and returns its interpreter."""
    venv = TARGET / f"{folder.name}-venv"
    pins = folder / "requirements.txt"
    interpreter = venv / "bin" / "python"
    if is_stale(venv, pins, sys.version):
        run(sys.executable, "-m", "venv", "--clear", venv)
        run(interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", pins)
        stamp(venv, pins, sys.version)
    return str(interpreter)


def node(js: Path) -> str:
    """Installs the `package-lock.json` of a folder, and returns the Node.js command."""
    if missing := [tool for tool in ("node", "npm") if not shutil.which(tool)]:
        from_debian("nodejs" if tool == "node" else tool for tool in missing)
    modules = js / "node_modules"
    pins = js / "package-lock.json"
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    if is_stale(modules, pins, version):
        run("npm", "ci", "--prefix", js, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        stamp(modules, pins, version)
    return "node"


def from_debian(packages) -> None:
    as_root = [] if os.geteuid() == 0 else ["sudo"]
    run(*as_root, "apt-get", "update", "--quiet")
    run(*as_root, "apt-get", "install", "--quiet", "--yes", "--no-install-recommends", *packages)


def is_stale(directory: Path, pins: Path, tool: str) -> bool:
    stamp_file = directory / ".installed"
    return not stamp_file.exists() or stamp_file.read_text() != fingerprint(pins, tool)


def stamp(directory: Path, pins: Path, tool: str) -> None:
    (directory / ".installed").write_text(fingerprint(pins, tool))


def fingerprint(pins: Path, tool: str) -> str:
    return hashlib.sha256(pins.read_bytes() + tool.encode()).hexdigest()


def run(*command) -> None:
    subprocess.run([str(word) for word in command], check=True, stdin=subprocess.DEVNULL)
