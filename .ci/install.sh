# shellcheck shell=bash
# Installs the tools that the scripts here need. Sourced, with the repository as working directory.

# Makes a virtual environment below target/ with the packages that a file pins.
# Environments are tied to their place and Python: made anew when either changed.
venv() {
    local place=target/$1 pins=$2
    "$place/bin/python" -c '' 2>/dev/null || python3 -m venv --clear "$place"
    "$place/bin/python" -m pip install --quiet --requirement "$pins"
}

# Installs Node.js from Debian unless there is one.
node_js() {
    if command -v npm >/dev/null; then return; fi
    local as_root=()
    [[ $(id -u) == 0 ]] || as_root=(sudo)
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" apt-get install -y -qq --no-install-recommends nodejs npm >/dev/null
}

# Installs what package-lock.json of a folder pins, when that changed: `npm ci` writes all anew.
node_modules() {
    local place=$1
    if cmp -s "$place/package-lock.json" "$place/node_modules/.installed"; then return; fi
    node_js
    npm ci --prefix "$place" --ignore-scripts --no-audit --no-fund --silent
    cp "$place/package-lock.json" "$place/node_modules/.installed"
}
