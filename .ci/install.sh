# shellcheck shell=bash
# Functions that install the tools of these scripts. Source it in the root of the repository.

# Creates a virtual environment below target/ with the packages of a requirements file. An environment
# depends on its path and Python version, and is created again if either has changed.
venv() {
    local venv=target/$1 requirements=$2
    "$venv/bin/python" -c '' 2>/dev/null || python3 -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet --requirement "$requirements"
}

# Installs packages from Debian.
debian() {
    local as_root=()
    [[ $(id -u) == 0 ]] || as_root=(sudo)
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# Installs Node.js if it is missing.
node_js() {
    command -v npm >/dev/null || debian nodejs npm
}

# Installs Valgrind if it is missing.
valgrind_from_debian() {
    command -v valgrind >/dev/null || debian valgrind
}

# Installs the packages in a folder's package-lock.json if the file has changed, as `npm ci` always
# reinstalls everything.
node_modules() {
    local folder=$1
    if cmp -s "$folder/package-lock.json" "$folder/node_modules/.installed"; then return; fi
    node_js
    npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --silent
    cp "$folder/package-lock.json" "$folder/node_modules/.installed"
}
