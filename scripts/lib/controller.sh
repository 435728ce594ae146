# shellcheck shell=bash
# Sourced from the clone's root with `self`, the script's path, set: makes .venv what a lock of app/locks says and puts it on PATH.

export LC_ALL=C.UTF-8 PATH="${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}"
export HOME="${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}"
export ANSIBLE_CONFIG="$PWD/ansible.cfg" ANSIBLE_CALLBACK_PLUGINS="$PWD/plugins/callback" PYTHONDONTWRITEBYTECODE=1

# Everything here needs root: lab machines and their keys, a box's own services. Runs the calling script again through sudo.
controller_root() {
  [[ $(id -u) -ne 0 ]] || return 0
  if command -v sudo >/dev/null && sudo -v; then
    exec sudo -- bash "$self" "$@"
  fi
  controller_fail 'This needs root, and sudo is not installed or does not let you in. Either' \
    "  1. become root:             su -   then   cd $PWD && bash $self $*" \
    "  2. get into the sudo group: su -   then   apt-get install sudo && usermod -aG sudo $(id -un), and log in again"
}

controller_fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

# The first Python that is new enough and starts; a shim of a version manager may exist without its Python.
controller_python() {
  local candidate
  for candidate in python3 python3.11 python3.12 python3.13 /usr/bin/python3; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  controller_fail 'Python 3.11, 3.12 or 3.13 is needed and was not found; nothing was changed. Install it:' \
    '  Debian, Ubuntu:  apt-get update && apt-get install -y python3 python3-venv' \
    '  RHEL, Fedora:    dnf install -y python3.11' \
    '  macOS:           brew install python@3.11'
}

controller_venv() {
  local python
  python=$(controller_python)
  if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    command -v apt-get >/dev/null || controller_fail "$python cannot make virtual environments; install its venv package."
    printf 'Installing python3-venv ...\n'
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv; } >/dev/null ||
      controller_fail 'python3-venv could not be installed; install it by hand: apt-get update && apt-get install -y python3-venv'
  fi
  "$python" -m venv .venv
}

# Takes the lock's name: controller, or dev, which holds more. The stamp names what is installed, so a second run takes no time
# and a changed lock is noticed.
controller_prepare() {
  local lock=app/locks/$1.txt stamp=.venv/.$1-lock wanted
  wanted=$(sha256sum "$lock" app/pyproject.toml | sha256sum)
  if [[ ! -f $stamp || $(<"$stamp") != "$wanted" ]]; then
    local began=$SECONDS
    printf 'Preparing .venv from %s ...\n' "$lock"
    .venv/bin/python -c '' 2>/dev/null || controller_venv
    .venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes --requirement "$lock" ||
      controller_fail "The packages of $lock could not be installed; no host was changed." \
        "They come from the package index of pip on this computer (see: .venv/bin/python -m pip config list)."
    .venv/bin/python -m pip install -qq --disable-pip-version-check --no-index --no-build-isolation --no-deps --editable app
    printf '%s\n' "$wanted" >"$stamp"
    printf '.venv is ready after %d s\n' $((SECONDS - began))
  fi
  export PATH="$PWD/.venv/bin:$PATH"
}
