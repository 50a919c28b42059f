#!/usr/bin/env bash
# ./setup.sh environment demo|dev   make .venv ready: to run iotrace, or to test and build it as well
# ./setup.sh system demo|dev        as root, install the system packages that are missing;
#                                   otherwise say in one sentence what the better probe needs
#
# Everything that the tools print goes to .venv/setup.log. A step that fails ends the set-up with one
# line: the cause, and what to do next.
# PYTHON=…  the interpreter to use;  EBPF=no  do without the eBPF probe's system package.
set -u
cd "$(dirname "$0")" || exit 1

step=${1:-environment}
purpose=${2:-demo}
log=.venv/setup.log

say() { printf '%s\n' "$*" >&2; }
fail() {
    say "set-up: $*"
    exit 1
}
is_root() { [ "$(id -u)" = 0 ]; }

# The library of the eBPF probe, wherever the system's own Python has it.
has_bcc() {
    local python
    for python in /usr/bin/python3 "${PYTHON:-}"; do
        [ -x "$python" ] && "$python" -c 'from bcc import BPF' >/dev/null 2>&1 && return
    done
    return 1
}

# Succeed when the log shows that a host could not be reached.
unreachable() {
    grep -qEi 'name resolution|name or service|could not resolve|network is unreachable|connection (refused|timed out)|timed out|failed to establish|NewConnectionError|ProxyError|cannot connect|unable to connect|could not connect' "$log"
}

# Install Debian packages, as root. The first argument completes "without apt-get …".
install_packages() {
    local without=$1
    shift
    command -v apt-get >/dev/null 2>&1 ||
        fail "apt-get is missing (not Debian or Ubuntu?): install $* by this system's own means, $without"
    say "set-up: installing $*"
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q -y update >>"$log" 2>&1 </dev/null
    apt-get -q -y install --no-install-recommends "$@" >>"$log" 2>&1 </dev/null && return
    unreachable && fail "apt-get cannot reach its package server: check the network, then run make again, $without (log: $log)"
    fail "apt-get could not install $*: see $log, then run make again, $without"
}

# Print the first Python that is new enough; the system's own first.
find_python() {
    local python
    for python in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && command -v "$python" && return
    done
    return 1
}

need_python() {
    python=$(find_python) && return
    [ -n "${PYTHON:-}" ] && fail "PYTHON=$PYTHON is not a Python 3.11 or newer: name another, or none"
    if ! command -v python3 >/dev/null 2>&1 && is_root; then
        install_packages "or set PYTHON=/path/to/python3" python3 python3-venv
        python=$(find_python) && return
    fi
    command -v python3 >/dev/null 2>&1 ||
        fail "there is no python3 here: install Python 3.11 or newer (apt install python3 python3-venv as root), then run make again"
    fail "$(python3 --version 2>&1) is too old, iotrace needs 3.11: install a newer one (Ubuntu 22.04: apt install python3.11-venv as root), then run make again"
}

need_venv() {
    [ -x .venv/bin/python ] && .venv/bin/python -m pip --version >>"$log" 2>&1 && return
    need_python
    if ! "$python" -c 'import venv, ensurepip' >>"$log" 2>&1; then
        local package
        package=$("$python" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])')
        is_root || fail "$python cannot make environments: run 'apt install $package' as root, then run make again"
        install_packages "or set PYTHON to one with the venv module" "$package"
    fi
    "$python" -m venv .venv >>"$log" 2>&1 || fail "$python -m venv failed: see $log"
}

need_distribution() {
    local extra=$1
    .venv/bin/python -m pip install --disable-pip-version-check --no-input --retries 1 -e ".[$extra]" >>"$log" 2>&1 </dev/null && return
    unreachable && fail "pip cannot reach the package index: check the network (or the proxy), then run make again (log: $log)"
    fail "pip could not install iotrace: $(grep -i '^error' "$log" | tail -n 1) (log: $log)"
}

need_system_packages() {
    local missing=()
    [ "${EBPF:-}" = no ] || has_bcc || missing+=(python3-bpfcc)
    if [ "$purpose" = dev ]; then
        command -v cc >/dev/null 2>&1 || missing+=(gcc libc6-dev)
        command -v strace >/dev/null 2>&1 || missing+=(strace)
    fi
    [ ${#missing[@]} = 0 ] || install_packages "or do without the eBPF probe: make ${purpose/dev/test} EBPF=no" "${missing[@]}"
}

advise() {
    say "Without root the ptrace probe serves. The eBPF probe would add when data became ready, who woke the server and when the copy began, at a fraction of the cost: run 'sudo make ${purpose/dev/test}'."
}

mkdir -p .venv 2>/dev/null && : 2>/dev/null >>"$log" ||
    fail "$(id -un) cannot write to $PWD/.venv: remove it if another user made it, or use a clone of your own"
case $step in
environment)
    [ -n "$(find .venv -maxdepth 1 -name '.ready-*')" ] || say "set-up: making .venv (once, about a minute; log: $log)"
    : >"$log"
    need_venv
    if [ "$purpose" = dev ]; then need_distribution dev; else need_distribution demos; fi
    touch ".venv/.ready-$purpose"
    ;;
system)
    if is_root; then need_system_packages; else advise; fi
    ;;
*) fail "unknown step '$step': see the head of setup.sh" ;;
esac
