# SPDX-License-Identifier: Apache-2.0
# What tools/try and tools/test share: packages and builds. Sourced; `root` is the source tree.

build_packages="gcc libc6-dev meson ninja-build pkg-config libstrophe-dev libpaho-mqtt-dev libmodbus-dev libyaml-dev
libsystemd-dev libjson-c-dev libexpat1-dev libssl-dev uthash-dev libcoap3-dev libcurl4-openssl-dev libxml2-dev
libcbor-dev libmicrohttpd-dev libupnp-dev libseccomp-dev gettext"
try_packages="prosody mosquitto mosquitto-clients python3-slixmpp python3-pyasn1-modules python3-paho-mqtt
python3-pymodbus python3-serial-asyncio python3-yaml openssl util-linux procps libcoap3-bin nginx-light gupnp-tools
gmediarender gstreamer1.0-plugins-base xvfb iproute2"
test_packages="libcmocka-dev minidlna libxml2-utils python3-pytest python3-pytest-asyncio python3-pytest-xdist
python3-lxml socat clang libclang-rt-14-dev clang-format git man-db"
# The programs people use, and what drives them: in a terminal, on a desktop.
terminal_packages="tmux profanity poezio"
client_packages="$terminal_packages gajim psi-plus ejabberd xvfb openbox xdotool imagemagick dbus at-spi2-core x11-utils python3-gi"

say() { printf '\033[1m== %s\033[0m\n' "$*"; }

# Run a command as root: directly, or through sudo, with a prompt only when there is somebody to answer it.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo -n "$@"
  elif [ -t 0 ] && command -v sudo >/dev/null; then sudo "$@"
  else
    echo "root rights are needed for: $*" >&2
    return 77
  fi
}

# Install what is missing of the named packages. Their daemons are kept from starting: ours are private ones.
install_packages() {
  local missing='' p
  for p in "$@"; do
    dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null | grep -qx installed || missing="$missing $p"
  done
  [ -n "$missing" ] || return 0
  say "installing$missing"
  as_root sh -c '
    set -e
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
      printf "#!/bin/sh\nexit 101\n" >$policy
      chmod 755 $policy
      trap "rm -f $policy" EXIT
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q update
    apt-get -q -y install --no-install-recommends "$@"' apt $missing
}

# build DIRECTORY [meson options...]: set up once, then compile.
build() {
  local dir=$1
  shift
  [ -f "$root/$dir/build.ninja" ] || meson setup "$root/$dir" "$root" "$@"
  ninja -C "$root/$dir"
}

# build_suite DIRECTORY SUITE [targets...]: compile only what the tests of one suite need, and these.
build_suite() {
  local dir=$1 suite=$2
  shift 2
  ninja -C "$root/$dir" build.ninja >/dev/null # what it says of itself is of today
  meson introspect "$root/$dir" --tests --targets | /usr/bin/python3 -c '
import json, os, sys
build, suite = sys.argv[1:]
known = json.load(sys.stdin)
files = {t["id"]: t["filename"] for t in known["targets"]}
needed = {os.path.relpath(f, build) for t in known["tests"] if any(s.split(":")[-1] == suite for s in t["suite"])
          for d in t["depends"] for f in files[d]}
print("\n".join(sorted(needed)))' "$root/$dir" "$suite" | xargs ninja -C "$root/$dir" "$@"
}
