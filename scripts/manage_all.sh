#!/usr/bin/env bash
# Day-one operations: start, stop and restart are playbooks; status, health and logs are asked on the host itself.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/manage_all.sh COMMAND [OPTION...]

  start              start everything (in the lab: boot the machine too)
  stop               stop everything; data stays
  restart            take over .env, restart everything, wait until rows arrive
  status [--json]    units, ports, rows per table and their age
  health [--json]    what is wrong; exits 1 when anything is
  logs [UNIT...]     the last lines of the journals; --lines N (100)

  --inventory NAME   a folder of inventories/; without it the one deployed last from this clone
TEXT
}

fail() {
  printf 'manage_all: %s\n' "$@" >&2
  exit 2
}

# Read as a whole before anything runs, so that the file may be replaced meanwhile.
main() {
  self=$(realpath -- "${BASH_SOURCE[0]}")
  cd -- "${self%/scripts/*}"
  # shellcheck source=scripts/lib/controller.sh
  . scripts/lib/controller.sh

  arguments=("$@")
  command=${1:-help}
  (($# == 0)) || shift
  inventory='' lines=100 json=() units=()
  while (($#)); do
    case $1 in
      --inventory | --lines)
        [[ -n ${2-} ]] || fail "$1 needs a value; see --help"
        if [[ $1 == --lines ]]; then lines=$2; else inventory=$2; fi
        shift
        ;;
      --json) json=(--json) ;;
      -*) fail "unknown option: $1; see --help" ;;
      *) units+=("--unit=$1") ;;
    esac
    shift
  done

  case $command in
    start | stop | restart | status | health | logs) ;;
    help | -h | --help)
      usage
      exit 0
      ;;
    *) fail "unknown command: $command; see --help" ;;
  esac

  controller_root "${arguments[@]}"
  if [[ -z $inventory ]]; then
    [[ -L .state/client.yml ]] || fail 'nothing was deployed from this clone yet; see scripts/one_click_deploy.sh --help, or give --inventory'
    inventory=$(dirname -- "$(readlink .state/client.yml)")
  fi
  [[ $inventory =~ ^[A-Za-z0-9_-]+$ && -d inventories/$inventory ]] || fail "there is no inventories/$inventory"
  [[ -x .venv/bin/ansible ]] || fail 'there is no .venv yet; run scripts/one_click_deploy.sh first'
  export PATH="$PWD/.venv/bin:$PATH"

  ask() {
    ANSIBLE_STDOUT_CALLBACK=answer ANSIBLE_LOAD_CALLBACK_PLUGINS=true \
      ansible -i "inventories/$inventory" "$1" -m ansible.builtin.command -a "$2" </dev/null
  }

  case $command in
    start | stop | restart)
      ANSIBLE_STDOUT_CALLBACK=phases exec ansible-playbook -i "inventories/$inventory" "playbooks/$command.yml" </dev/null
      ;;
    status) ask 'storage[0]' "env COLUMNS=${COLUMNS:-140} /usr/local/bin/marketprism status ${json[*]}" ;;
    health) ask 'storage[0]' "env COLUMNS=${COLUMNS:-140} /usr/local/bin/marketprism health ${json[*]}" || exit 1 ;;
    logs)
      ((${#units[@]})) || units=('--unit=marketprism-*' --unit=nats-server --unit=clickhouse-server)
      ask marketprism "journalctl --no-pager --lines=$lines ${units[*]}"
      ;;
  esac
}

main "$@"
exit
