#!/usr/bin/env bash
# Lint, unit and integration tests, and molecule on systemd machines. See --help.
set -uo pipefail
self=$(realpath -- "${BASH_SOURCE[0]}")
arguments=("$@")
cd -- "${self%/scripts/*}" || exit

usage() {
  cat <<'HELP'
Usage: scripts/test.sh [--fast | --faults [--kills N] | --all [--resume]] [SLICE…]

  (nothing)  lint, unit, integration, the README's commands, and every short molecule scenario: what CI runs, under 30 minutes on 2 cores
  --fast     lint, unit and integration alone, under 3 minutes
  --faults   break a whole pipeline in every way, kill each process N times (130), and print what was lost: nothing;
             in slices of at most 45 minutes, which also run alone, such as: faults-kills-storage
  --all      CI's slices, the faults, every verb on one machine (lifecycle-verbs; as docs/operations.md has them: lifecycle-guide;
             those that change ClickHouse's packages: lifecycle-packages) and on two, also in check mode (molecule-split), every
             fault of every exchange (venue-faults), every fault of a machine (remediation-guide, remediation-beyond,
             remediation-others), a million broken frames for each exchange (fuzz; FUZZ_FRAMES and FUZZ_SEED choose how many and
             which), and every scenario on the next Debian; each scenario also reboots its machine and uninstalls
  --resume   with --all: skip the slices that passed since the last change of any file
  SLICE      only these, such as: lint unit integration readme molecule-nats trixie-nats

Molecule boots machines with systemd-nspawn and needs root.
HELP
}

readonly fast=(lint unit integration)
# Minutes each. Of the verbs, CI runs backup, drill and the timers, in `maintenance`; of the faults one per section of the guide.
readonly long=(lifecycle-verbs lifecycle-guide lifecycle-packages molecule-split venue-faults fuzz remediation-guide remediation-beyond remediation-others)
readonly not_in_ci=(lifecycle split)
readonly faults=(faults-kills-storage faults-kills-servers faults-kills-collector faults-servers faults-outages faults-flow)
ci=("${fast[@]}" readme)
trixie=()
for scenario in molecule/*/molecule.yml; do
  name=$(basename "$(dirname "$scenario")")
  [[ " ${not_in_ci[*]} " == *" $name "* ]] || ci+=("molecule-$name")
  trixie+=("trixie-$name")
done

slices=("${ci[@]}")
chosen=()
resume=false
kills=130
while [ $# -gt 0 ]; do
  case "$1" in
    --fast) slices=("${fast[@]}") ;;
    --faults) slices=("${faults[@]}") ;;
    --kills) kills=${2:?--kills needs a number} && shift ;;
    --all)
      slices=("${ci[@]}" "${faults[@]}" "${long[@]}" "${trixie[@]}")
      export MOLECULE_LONG=1
      ;;
    --resume) resume=true ;;
    --help | -h) usage && exit 0 ;;
    -*) usage >&2 && exit 2 ;;
    *) chosen+=("$1") ;;
  esac
  shift
done
if [ ${#chosen[@]} -gt 0 ]; then slices=("${chosen[@]}"); fi

# shellcheck source=scripts/lib/controller.sh
. scripts/lib/controller.sh
controller_root "${arguments[@]}"
controller_prepare dev
if ! command -v shellcheck >/dev/null; then
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq shellcheck; } >/dev/null ||
    controller_fail 'shellcheck is missing and could not be installed; install it by hand.'
fi
readonly results="$PWD/.state/tests"
mkdir -p "$results" && chmod 700 .state

lint() {
  local failed=0
  ruff format --check . && ruff check . || failed=1
  (cd app && mypy && lint-imports) || failed=1
  ansible-lint --offline || failed=1
  yamllint --strict . || failed=1
  shellcheck -x scripts/*.sh roles/lab/files/run-machine.sh .ci/run || failed=1
  return $failed
}

tests() { # name, pytest arguments…
  (cd app && pytest --junitxml="$results/$1.xml" "${@:2}")
}

# A fault suite's clocks are shifted with libfaketime.
faults() { # slice
  fetch_artifacts
  command -v faketime >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq faketime >/dev/null
  local name=${1#faults-}
  tests "$1" -m faults --kills "$kills" "tests/faults/test_${name//-/_}.py"
}

fetch_artifacts() {
  ansible-playbook playbooks/artifacts.yml
}

# Slices of one scenario share its machine: the second waits.
scenario() { # name
  flock "$results/$1.lock" molecule test -s "$1"
}

run_slice() {
  case "$1" in
    lint) lint ;;
    unit) tests unit -m "not integration and not lab and not venue_faults and not fuzz and not faults" --numprocesses 4 --dist loadfile ;;
    integration) fetch_artifacts && tests integration -m integration --numprocesses 2 --dist loadfile ;;
    venue-faults) fetch_artifacts && tests venue-faults -m venue_faults ;;
    fuzz) tests fuzz -m fuzz ;;
    readme) tests readme -m lab --timeout 1200 ;;
    faults-*) faults "$1" ;;
    remediation-*) REMEDIATION_FAULTS=${1#remediation-} PYTEST_ADDOPTS="--junitxml=$results/$1.xml" scenario remediation ;;
    lifecycle-verbs) PYTEST_ADDOPTS="--junitxml=$results/$1.xml -k 'not works_as_it_is_written'" scenario lifecycle ;;
    lifecycle-guide) PYTEST_ADDOPTS="--junitxml=$results/$1.xml -k works_as_it_is_written" scenario lifecycle ;;
    lifecycle-packages)
      LIFECYCLE_CLICKHOUSE=packages PYTEST_ADDOPTS="--junitxml=$results/$1.xml -k '(upgrade or uninstalling) and not works_as_it_is_written'" \
        scenario lifecycle
      ;;
    molecule-*) PYTEST_ADDOPTS="--junitxml=$results/$1.xml" scenario "${1#molecule-}" ;;
    trixie-*) LAB_SUITE=trixie PYTEST_ADDOPTS="--junitxml=$results/$1.xml" scenario "${1#trixie-}" ;;
    *) echo "no slice named $1" && return 2 ;;
  esac
}

# A slice's output goes to a file and is shown when it fails: two slices run side by side, and much of each is waiting.
report() {
  local slice=$1 log="$results/$1.log"
  rm -f "$results/$slice".{xml,passed}
  SECONDS=0
  if run_slice "$slice" >"$log" 2>&1 </dev/null; then
    echo "$tree" >"$results/$slice.passed"
    echo "== $slice: passed in $SECONDS s. $(grep -E '^=+ .*passed.* =+$' "$log" | tail -n 1 | tr -d '=')"
    grep '^|' "$log"
  else
    echo "== $slice: FAILED after $SECONDS s; the end of $log:"
    tail -n 120 "$log"
  fi
}

tree=$(find . -path ./.venv -prune -o -path ./.state -prune -o -path ./.git -prune -o -name '.*_cache' -prune -o -name __pycache__ -prune \
  -o -type f ! -name deployment.log -print0 | sort -z | xargs -0 sha256sum | sha256sum)
for slice in "${slices[@]}"; do
  if $resume && [ "$(cat "$results/$slice.passed" 2>/dev/null)" = "$tree" ]; then
    echo "== $slice: passed before"
    continue
  fi
  while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
  report "$slice" &
done
wait

broken=()
for slice in "${slices[@]}"; do
  [ -f "$results/$slice.passed" ] || broken+=("$slice")
done
[ ${#broken[@]} -eq 0 ] || echo "failed slices: ${broken[*]}"
python app/tests/count.py "$results" "${slices[@]}" && [ ${#broken[@]} -eq 0 ]
