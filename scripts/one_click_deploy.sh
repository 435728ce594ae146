#!/usr/bin/env bash
# Deploys MarketPrism: makes .venv, chooses the inventory, runs the playbooks. Everything else is theirs.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/one_click_deploy.sh [ACTION] [OPTION...]

Actions
  --fresh            install; refuses to run over an existing installation
  --update           deploy again over an installation, or finish one; keeps data (the default)
  --clean --yes      stop everything and move its data aside (nothing is deleted)
  --help             this text

Options
  --inventory NAME   a folder of inventories/. Without it: single (this box, live exchanges) where systemd is PID 1,
                     lab (a systemd-nspawn machine on this computer, simulated exchanges) where it is not
  --lab              the same as --inventory lab
  -v                 show every task instead of one line per phase

Everything printed is also added to deployment.log.
TEXT
}

fail() {
  printf 'one_click_deploy: %s\n' "$@" >&2
  exit 1
}

# Read as a whole before anything runs, so that the file may be replaced meanwhile.
main() {
  self=$(realpath -- "${BASH_SOURCE[0]}")
  clone=${self%/scripts/*}
  action='' inventory='' why='' confirmed='' verbose=()

  choose() {
    [[ -z $action ]] || fail "--$action and --$1 exclude each other; see --help"
    action=$1
  }

  arguments=("$@")
  while (($#)); do
    case $1 in
      --fresh | --update | --clean) choose "${1#--}" ;;
      --lab) inventory=lab why='--lab was given' ;;
      --inventory)
        [[ -n ${2-} ]] || fail '--inventory needs a name; see --help'
        inventory=$2 why='--inventory was given'
        shift
        ;;
      --yes) confirmed=yes ;;
      -v | -vv | -vvv) verbose=("$1") ;;
      -h | --help)
        usage
        exit 0
        ;;
      *) fail "unknown argument: $1; see --help" ;;
    esac
    shift
  done
  action=${action:-update}

  cd -- "$clone"
  # shellcheck source=scripts/lib/controller.sh
  . scripts/lib/controller.sh
  controller_root "${arguments[@]}"

  if [[ -z $inventory ]]; then
    if [[ -d /run/systemd/system ]]; then
      inventory=single why='systemd runs this box (PID 1)'
    else
      inventory=lab why="PID 1 is $(cat /proc/1/comm), not systemd, so a lab machine on this computer carries everything"
    fi
  fi
  [[ $inventory =~ ^[A-Za-z0-9_-]+$ && -d inventories/$inventory ]] ||
    fail "there is no inventories/$inventory; available: $(cd inventories && echo *)"
  if [[ $action == clean && -z $confirmed ]]; then
    fail "--clean stops MarketPrism of the inventory $inventory and moves its data aside; add --yes if that is what you want"
  fi

  exec > >(tee -a deployment.log) 2>&1
  log=$!
  trap 'exec >&- 2>&-; wait "$log" || true' EXIT
  printf '\n%s --%s\nInventory: %s (%s)\n' "$(date -u +'%Y-%m-%d %H:%M:%S UTC')" "$action" "$inventory" "$why"

  controller_prepare controller
  export ANSIBLE_STDOUT_CALLBACK=phases

  play() {
    ansible-playbook -i "inventories/$inventory" "${verbose[@]}" "$@" </dev/null
  }

  if [[ $action == clean ]]; then
    play playbooks/uninstall.yml -e marketprism_confirm_uninstall=yes
    exit 0
  fi
  began=$SECONDS
  if [[ $action == fresh ]]; then
    play site.yml -e marketprism_fresh=true
  else
    play site.yml
  fi
  printf '\n'
  scripts/manage_all.sh status --inventory "$inventory"
  cat <<TEXT

Deployed in $((SECONDS - began)) s. Next:
  scripts/manage_all.sh health        is everything well, and what is not
  scripts/manage_all.sh logs          the journals of all services
  ${SUDO_USER:+sudo }.venv/bin/marketprism sql "SELECT symbol, count() FROM marketprism_hot.trades GROUP BY symbol"
TEXT
}

main "$@"
exit
