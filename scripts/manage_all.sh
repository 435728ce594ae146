#!/usr/bin/env bash
# Day-one operations: start, stop and restart are playbooks; the rest is asked on the host itself.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/manage_all.sh COMMAND [OPTION...]

  start              start everything (in the lab: boot the machine too)
  stop               stop everything; data stays
  restart            take over .env, restart everything, wait until rows arrive
  status [--json]    units, ports, rows per table and their age
  health [--json]    what is wrong; exits 1 when anything is
  diagnose [PROBLEM...] [--json] [--lang zh]
                     what is wrong, why, and what to type; exits 0 healthy, 1 degraded, 2 broken
  logs [UNIT...]     the last lines of the journals; --lines N (100), --follow for what comes

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
  inventory='' lines=100 json=() words=() follow=false
  while (($#)); do
    case $1 in
      --inventory | --lines | --lang)
        [[ -n ${2-} ]] || fail "$1 needs a value; see --help"
        case $1 in
          --inventory) inventory=$2 ;;
          --lines) lines=$2 ;;
          --lang) words+=("--lang=$2") ;;
        esac
        shift
        ;;
      --json) json=(--json) ;;
      --follow) follow=true ;;
      -*) fail "unknown option: $1; see --help" ;;
      *) words+=("$1") ;;
    esac
    shift
  done

  case $command in
    start | stop | restart | status | health | diagnose | logs) ;;
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

  # On a terminal every unit has a colour of its own; the sixth field is its name.
  colour() {
    if [[ ! -t 1 ]]; then cat && return; fi
    awk '{ unit = $6; sub(/\[.*/, "", unit)
           if (!(unit in colours)) colours[unit] = 31 + count++ % 6
           printf "\033[%dm%s\033[0m\n", colours[unit], $0; fflush() }'
  }

  case $command in
    start | stop | restart)
      ANSIBLE_STDOUT_CALLBACK=phases exec ansible-playbook -i "inventories/$inventory" "playbooks/$command.yml" </dev/null
      ;;
    status) ask 'storage[0]' "env COLUMNS=${COLUMNS:-140} /usr/local/bin/marketprism status ${json[*]}" ;;
    health) ask 'storage[0]' "env COLUMNS=${COLUMNS:-140} /usr/local/bin/marketprism health ${json[*]}" || exit 1 ;;
    diagnose)
      ANSWER_STATUS_FILE=$(mktemp)
      export ANSWER_STATUS_FILE
      trap 'rm -f "$ANSWER_STATUS_FILE"' EXIT
      ask 'storage[0]' "env COLUMNS=${COLUMNS:-140} /usr/local/bin/marketprism doctor ${words[*]} ${json[*]}" || true
      status=$(<"$ANSWER_STATUS_FILE")
      exit "${status:-2}"
      ;;
    logs)
      ((${#words[@]})) || words=('marketprism-*' nats-server clickhouse-server)
      journal="journalctl --no-pager --quiet --output=with-unit ${words[*]/#/--unit=}"
      if $follow; then
        # The host remembers where a reading ended; what comes is asked for again and again, over whatever leads there.
        cursor=/run/marketprism-logs.$$
        trap 'ask marketprism "rm --force $cursor"' EXIT
        journal+=" --cursor-file=$cursor"
      fi
      ask marketprism "$journal --lines=$lines" | colour
      while $follow; do
        ask marketprism "$journal" | colour
        sleep 1
      done
      ;;
  esac
}

main "$@"
exit
