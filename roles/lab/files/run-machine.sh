#!/bin/sh
# Runs one lab machine until it is switched off. Started detached by the role, one per machine.
# usage: run-machine.sh NAME STATE_DIR
set -eu

name=$1
state=$2

# Machines started from one control group would share the groups of services with the same name,
# and with them limits, accounting and the notice that a service has ended. systemd on the
# controller gives each a group of its own (Delegate=).
if [ ! -d /run/systemd/system ]; then
  for hierarchy in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
    [ -w "$hierarchy/cgroup.procs" ] || continue
    mkdir -p "$hierarchy/marketprism-lab/$name"
    echo $$ > "$hierarchy/marketprism-lab/$name/cgroup.procs"
  done
fi

# 133 is how systemd-nspawn says that the machine has asked for a reboot.
code=133
while [ "$code" -eq 133 ]; do
  code=0
  # "network" leaves /proc/sys/net writable, which is the machine's own, and nothing else of the host.
  SYSTEMD_NSPAWN_API_VFS_WRITABLE=network systemd-nspawn \
    --quiet --boot --register=no --keep-unit --console=pipe \
    --machine="$name" --directory="$state/rootfs" \
    --network-namespace-path="/run/netns/$name" --capability=CAP_NET_ADMIN \
    --resolv-conf=off --timezone=off --link-journal=no \
    --system-call-filter=@swap || code=$?
done
exit "$code"
