#!/usr/bin/env bash
# Operations: verbs that change something are playbooks; the rest is asked on the host itself.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/manage_all.sh COMMAND [OPTION...]

  start              start everything (in the lab: boot the machine too)
  stop               stop everything; data stays
  restart            take over .env, restart everything, wait until rows arrive
  status [--json]    units, ports, rows per table and their age
  health [--full] [--json]
                     what is wrong; exits 1 when anything is; --full asks the doctor and audits the last week, too
  diagnose [PROBLEM...] [--json] [--lang zh]
                     what is wrong, why, and what to type; exits 0 healthy, 1 degraded, 2 broken
  logs [UNIT...]     the last lines of the journals; --lines N (100), --follow for what comes

  init               install, or finish an installation
  repair             back to what the inventory says; data and release stay
  fix PROBLEM        repair one problem of playbooks/remediate; --check says what it would do
  integrity          compare streams and tables with the contract
  upgrade, rollback  this clone's release; the release before it
  backup             tables and streams into backup_dir
  drill              rehearse the restoration of a backup (-e backup_id=ID)
  restore            put a backup back (-e backup_id=ID -e marketprism_confirm_restore=yes)
  rotate-secrets     new keys and passwords everywhere
  support-bundle     what a helper asks for, without secrets
  clean              stop everything and move it aside (-e marketprism_confirm_uninstall=yes)

  --inventory NAME   a folder of inventories/; without it the one deployed last from this clone
  --check            of a playbook: say what it would do
  -e NAME=VALUE      of a playbook: a variable
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
  inventory='' lines=100 json=() full=() words=() follow=false playbook_options=()
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
      --full) full=(--full) ;;
      --follow) follow=true ;;
      --check) playbook_options+=(--check) ;;
      -e)
        [[ -n ${2-} ]] || fail "$1 needs NAME=VALUE; see --help"
        playbook_options+=(-e "$2")
        shift
        ;;
      -*) fail "unknown option: $1; see --help" ;;
      *) words+=("$1") ;;
    esac
    shift
  done

  case $command in
    start | stop | restart | status | health | diagnose | logs) ;;
    repair | upgrade | rollback | backup | drill | restore | rotate-secrets | support-bundle) ;;
    init | integrity | clean | fix) ;;
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

  play() {
    ANSIBLE_STDOUT_CALLBACK=phases exec ansible-playbook -i "inventories/$inventory" "$@" "${playbook_options[@]}" </dev/null
  }

  # On a terminal every unit has a colour of its own; the sixth field is its name.
  colour() {
    if [[ ! -t 1 ]]; then cat && return; fi
    awk '{ unit = $6; sub(/\[.*/, "", unit)
           if (!(unit in colours)) colours[unit] = 31 + count++ % 6
           printf "\033[%dm%s\033[0m\n", colours[unit], $0; fflush() }'
  }

  case $command in
    init) play site.yml ;;
    integrity) play playbooks/contract.yml --check --diff ;;
    clean) play playbooks/uninstall.yml ;;
    fix)
      problem=${words[0]-}
      [[ $problem =~ ^[a-z0-9-]+$ && -f playbooks/remediate/$problem.yml ]] ||
        fail "there is no playbooks/remediate/$problem.yml; try repair"
      play "playbooks/remediate/$problem.yml" -e remediation_apply=true
      ;;
    status) ask 'storage[0]' "env COLUMNS=${COLUMNS:-140} /usr/local/bin/marketprism status ${json[*]}" ;;
    health) ask 'storage[0]' "env COLUMNS=${COLUMNS:-140} /usr/local/bin/marketprism health ${full[*]} ${json[*]}" || exit 1 ;;
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
    *) play "playbooks/$command.yml" ;;
  esac
}

main "$@"
exit
