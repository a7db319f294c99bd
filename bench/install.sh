#!/usr/bin/env bash
# Installs what the bench compares with and the machine lacks, from Debian; what is Go comes with the module. Harmless to run
# again; quick when nothing is missing.
set -euo pipefail

has() { command -v "$1" >/dev/null; }

missing=()
has redis-server || missing+=(redis-server)
[[ -e /usr/include/zmq.h ]] || missing+=(libzmq3-dev)
has cc || missing+=(gcc libc6-dev)
[[ -n $(compgen -G '/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server') ]] || missing+=(rabbitmq-server)
[[ -x /usr/bin/python3 ]] && /usr/bin/python3 -c 'import pika' 2>/dev/null || missing+=(python3-pika)

((${#missing[@]})) || exit 0

refuse() {
    echo "bench/install.sh: $1" >&2
    exit 1
}

has apt-get || refuse "this is not a Debian system; install what corresponds to: ${missing[*]}"
root=()
if ((EUID != 0)); then
    has sudo || refuse "neither root nor sudo; ask someone who may to: apt-get install ${missing[*]}"
    root=(sudo)
fi
apt() { "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get --yes --quiet "$@"; }

echo "bench: installing ${missing[*]}"
apt install --no-install-recommends "${missing[@]}" &>/dev/null || {
    apt update
    apt install --no-install-recommends "${missing[@]}"
}

# Debian starts servers that it installs. The bench starts its own, and these would only be in the way.
for service in redis-server rabbitmq-server; do
    if [[ " ${missing[*]} " == *" $service "* && -d /run/systemd/system ]]; then
        "${root[@]}" systemctl disable --quiet --now "$service" || true
    fi
done
