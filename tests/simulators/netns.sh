#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A network for devices that need multicast. Nothing of it outlives this script.
#
#   netns.sh inside COMMAND...           run COMMAND in a network namespace of its own (as root, or as a user in a user
#                                        namespace); exit code 77 when that is not allowed
#   netns.sh pair NAME ADDRESS DEVICE    make the interface NAME with ADDRESS/24, whose other end, "device" with DEVICE/24, is
#                                        in another namespace; print "ready PID" (nsenter --net --target PID), and take all
#                                        away when the input ends or a signal comes
#   netns.sh hold NAME ADDRESS DEVICE    the same, until a signal comes
set -eu

inside() {
  if [ "$(id -u)" = 0 ]; then how=(unshare --net --mount --fork --kill-child); else
    how=(unshare --user --map-root-user --net --mount --fork --kill-child)
  fi
  if ! "${how[@]}" true 2>/dev/null; then
    echo "skipped: no network namespace may be made here" >&2
    exit 77
  fi
  exec "${how[@]}" bash -euc 'ip link set lo up; exec "$@"' netns "$@"
}

pair() {
  name=$1 address=$2 device=$3
  coproc HOLDER { exec unshare --net sh -c 'echo $$; exec cat >/dev/null'; }
  # Dies with us: its input ends. The interfaces go with the namespace.
  holder=$HOLDER_PID
  trap 'ip link del "$name" 2>/dev/null || true; kill "$holder" ${sleeper-} 2>/dev/null || true' EXIT
  trap 'exit 0' INT TERM
  read -r pid <&"${HOLDER[0]}" || { echo "skipped: no network namespace may be made here" >&2; exit 77; }
  ip link add "$name" type veth peer name device netns "$pid"
  # Tentative IPv6 addresses would only take time.
  echo 1 2>/dev/null >"/proc/sys/net/ipv6/conf/$name/disable_ipv6" || true
  ip addr add "$address/24" dev "$name"
  nsenter --net --target "$pid" sh -euc '
    echo 1 2>/dev/null >/proc/sys/net/ipv6/conf/device/disable_ipv6 || true
    ip link set lo up
    ip addr add "$1/24" dev device
    ip link set device up
    ip route add default via "$2"' netns "$device" "$address"
  ip link set "$name" up
  echo "ready $pid"
}

wait_for_end() { while read -r _; do :; done; }
wait_for_signal() { sleep infinity & sleeper=$!; wait "$sleeper"; }

case ${1-} in
inside) "$@" ;;
pair) "$@" && wait_for_end ;;
hold) pair "${@:2}" && wait_for_signal ;;
*) sed -n '3,11p' "$0" >&2; exit 2 ;;
esac
