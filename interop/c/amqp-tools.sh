#!/usr/bin/env bash
# The scenarios of ../README.md that amqp-tools (librabbitmq, in C) can play:
#   amqp-tools.sh URL [SCENARIO]...
# A tool binds only exchanges that exist, so these are the predeclared amq.*.
set -euo pipefail

deadline=20 # seconds that any one wait may take
url=${1:?usage: amqp-tools.sh URL [SCENARIO]...}
shift
run=$(date +%s%N).$$
dir=$(mktemp -d)
children=()

clean_up() {
    for pid in "${children[@]}"; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$dir"
}
trap clean_up EXIT

exec 3>&1 # so that a failure is seen wherever it happens
fail() {
    echo "FAIL $scenario: $*" >&3
    exit 1
}

want() { # WHAT GOT EXPECTED
    [[ $2 == "$3" ]] || fail "$1: got '$2', want '$3'"
}

tool() { # the tool itself is given a deadline too
    timeout "$deadline" "$1" --url="$url" "${@:2}" 2>>"$dir/stderr" || {
        local status=$?
        ((status == 2)) || fail "$1 exited with $status: $(tail -n 1 "$dir/stderr")"
        return 2
    }
}

publish() { tool amqp-publish "$@"; }
get() { tool amqp-get --queue="$1" || echo "(empty)"; }
declare_queue() { tool amqp-declare-queue --queue="$1" "${@:2}" >"$dir/declared"; }
delete_queue() { tool amqp-delete-queue --queue="$1"; } # prints how many messages it held

# listen NAME opens a pipe through which commands that the tools run report.
declare -A pipes
listen() {
    mkfifo "$dir/$1"
    exec {pipes[$1]}<>"$dir/$1"
}

next() { # NAME; prints the next line that came through the pipe
    local line
    read -r -t "$deadline" -u "${pipes[$1]}" line || fail "waited $deadline s for the next message of '$1'"
    echo "$line"
}

# consume NAME ARGUMENT... starts a consumer that reports each body as a line.
consume() {
    listen "$1"
    amqp-consume --url="$url" "${@:2}" -- sh -c 'echo "$(cat)" >"$0"' "$dir/$1" 2>>"$dir/stderr" &
    children+=($!)
}

# subscribe NAME EXCHANGE KEY PROBE binds a queue under the key, and publishes
# probes until one of them comes out.
subscribe() {
    local line end=$((SECONDS + deadline))
    consume "$1" -q "interop.c.$1.$run" -x -A -e "$2" -r "$3"
    until publish -e "$2" -r "$4" -b probe && read -r -t 0.1 -u "${pipes[$1]}" line; do
        ((SECONDS < end)) || fail "waited $deadline s for the subscription $1: $(tail -n 1 "$dir/stderr")"
    done
}

received() { # NAME LAST; prints in one line what came until LAST, less probes
    local line all=
    until [[ ${line:-} == "$2" ]]; do
        line=$(next "$1") || { echo "$line" && return; }
        [[ $line == probe ]] || all+="$line "
    done
    echo "${all% }"
}

hello() {
    local queue=interop.c.hello.$run
    declare_queue "$queue"
    want "declared queue" "$(cat "$dir/declared")" "$queue"
    want "get from an empty queue" "$(get "$queue")" "(empty)"
    publish -r "$queue" -C text/plain -E utf-8 -H "language: none" -t nobody -b "Hello World!"
    printf 'one\ntwo\n' | publish -r "$queue" --line-buffered
    head -c 300000 /dev/zero | tr '\0' x | publish -r "$queue" # three frames
    want "first" "$(get "$queue")" "Hello World!"
    want "second" "$(get "$queue")" "one"
    want "third" "$(get "$queue")" "two"
    want "size of the fourth" "$(get "$queue" | wc -c)" 300000
    want "then" "$(get "$queue")" "(empty)"
    want "messages left" "$(delete_queue "$queue")" 0
}

# The first worker takes a task and is killed while at work; the second then
# does them all. (The tools do not show the redelivered flag.)
work-queue() {
    local queue=interop.c.tasks.$run task first
    declare_queue "$queue" --durable
    for task in 1 2 3 4 5; do publish -r "$queue" -p -b "task $task"; done

    listen first
    listen forever
    amqp-consume --url="$url" -q "$queue" -p 1 -- sh -c 'echo "$(cat)" >"$0"; read -r never <"$1"' \
        "$dir/first" "$dir/forever" 2>>"$dir/stderr" &
    first=$!
    want "the first worker's task" "$(next first)" "task 1"
    want "next, past the one task that prefetch allows" "$(get "$queue")" "task 2"
    kill -KILL "$first"
    wait "$first" 2>/dev/null || true
    echo "end of work" >&"${pipes[forever]}"

    consume second -q "$queue" -p 1 -c 4
    wait "${children[-1]}" || fail "the second worker failed: $(tail -n 1 "$dir/stderr")"
    want "tasks done" "$(for _ in 1 2 3 4; do next second; done | sort | xargs)" "task 1 task 3 task 4 task 5"
    want "tasks left" "$(delete_queue "$queue")" 0
}

# (A key is given, for amqp-consume 0.11 crashes or does not bind without one.)
fanout() {
    subscribe fan1 amq.fanout ignored ignored
    subscribe fan2 amq.fanout ignored ignored
    publish -e amq.fanout -r ignored -b first
    publish -e amq.fanout -r ignored -b second
    want "news" "$(received fan1 second)" "first second"
    want "news" "$(received fan2 second)" "first second"
}

direct() {
    subscribe errors amq.direct "error.$run" "error.$run"
    subscribe infos amq.direct "info.$run" "info.$run"
    publish -e amq.direct -r "info.$run" -b started
    publish -e amq.direct -r "debug.$run" -b details
    publish -e amq.direct -r "error.$run" -b broken
    publish -e amq.direct -r "info.$run" -b stopped
    want "errors" "$(received errors broken)" "broken"
    want "infos" "$(received infos stopped)" "started stopped"
}

topics() {
    subscribe orange amq.topic "$run.*.orange.*" "$run.a.orange.b"
    subscribe lazy amq.topic "$run.lazy.#" "$run.lazy"
    local key
    for key in quick.orange.rabbit lazy.orange.elephant lazy quick.brown.fox quick.orange.end lazy.end; do
        publish -e amq.topic -r "$run.$key" -b "$key"
    done
    want "orange" "$(received orange quick.orange.end)" "quick.orange.rabbit lazy.orange.elephant quick.orange.end"
    want "lazy" "$(received lazy lazy.end)" "lazy.orange.elephant lazy lazy.end"
}

(($#)) || set -- hello work-queue fanout direct topics
for scenario; do
    "$scenario"
    echo "ok $scenario"
done
