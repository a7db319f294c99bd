#!/usr/bin/env bash
# Installs what the programs in this folder need and the machine lacks, from
# Debian and npm. Harmless to run again; quick when nothing is missing.
set -euo pipefail
cd "$(dirname "$0")"

has() { command -v "$1" >/dev/null; }
python_has() { [[ -x /usr/bin/python3 ]] && /usr/bin/python3 -I -c "import $1" 2>/dev/null; }
modern_node() { has node && node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)'; }

missing=()
python_has pika || missing+=(python3-pika)
python_has kombu || missing+=(python3-kombu)
has amqp-consume || missing+=(amqp-tools)
modern_node || missing+=(nodejs)
has npm || missing+=(npm)
[[ -n $(compgen -G '/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server') ]] || missing+=(rabbitmq-server)
python_has celery || missing+=(celery python3-celery)
has cc || missing+=(gcc libc6-dev) # for Go's race detector

refuse() {
    echo "interop/install.sh: $1" >&2
    exit 1
}

apt() { "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get --yes --quiet "$@"; }

if ((${#missing[@]})); then
    has apt-get || refuse "this is not a Debian system; install what corresponds to: ${missing[*]}"
    root=()
    if ((EUID != 0)); then
        has sudo || refuse "neither root nor sudo; ask someone who may to: apt-get install ${missing[*]}"
        root=(sudo)
    fi
    echo "interop: installing ${missing[*]}"
    apt install --no-install-recommends "${missing[@]}" &>/dev/null || {
        apt update
        apt install --no-install-recommends "${missing[@]}"
    }
fi

# npm writes its own lock file last, so that one as new as ours means it is all there.
for folder in node suites/node; do
    if [[ ! $folder/node_modules/.package-lock.json -nt $folder/package-lock.json ]]; then
        echo "interop: installing the packages of $folder"
        (cd "$folder" && npm ci --loglevel=error)
    fi
done
