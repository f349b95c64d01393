#!/usr/bin/env bash
# A sweep on a real Ray cluster of two nodes on this machine, one of which is killed in the middle: the merged files must
# be, byte for byte, those of a sweep without shards.
#   deploy/ray/test.sh FOREWARM PYTHON      PYTHON has what requirements.txt names
set -euo pipefail
# Ray puts the address of the machine in place of a loopback one, unless there is no other: so in a network without any.
if [ -z "${ALONE:-}" ] && unshare --map-root-user --net ip link set lo up 2>/dev/null; then
    ALONE=1 exec unshare --map-root-user --net sh -c 'ip link set lo up && exec "$@"' -- "$0" "$@"
fi
here=$(cd "$(dirname "$0")" && pwd)
forewarm=$(realpath "$1") python=$2
work=$(mktemp -d /tmp/fw-ray.XXXXXX)
export RAY_USAGE_STATS_ENABLED=0 RAY_DISABLE_IMPORT_WARNING=1 RAY_ADDRESS=127.0.0.1:26379
nodes=()
finish() {
    kill -9 -- "${nodes[@]/#/-}" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

ray() { # in a process group of its own, so that a node can be killed with all it started
    setsid "$(dirname "$python")/ray" start "$@" --node-ip-address=127.0.0.1 --num-cpus=1 --object-store-memory=100000000 \
        --disable-usage-stats --block >"$work/ray-${#nodes[@]}.log" 2>&1 &
    nodes+=($!)
    disown
}
ray --head --port=26379 --include-dashboard=false --temp-dir="$work/r"
for _ in $(seq 60); do
    if "$python" -c "import ray; ray.init(log_to_driver=False)" 2>/dev/null; then break; fi
    sleep 0.5
done
ray --address="$RAY_ADDRESS"
addresses() {
    "$python" -c "import ray; ray.init(log_to_driver=False); print(*(node['NodeManagerAddress'] for node in ray.nodes()))" 2>/dev/null
}
for _ in $(seq 60); do
    nodes_at=$(addresses || true)
    if [ "$(wc -w <<<"$nodes_at")" = 2 ]; then break; fi
    sleep 0.5
done
[ "$(wc -w <<<"$nodes_at")" = 2 ] || { echo "there are not two nodes but: $nodes_at"; exit 1; }

scenario=$here/../sweep-test.toml
"$forewarm" sweep "$scenario" --out "$work/alone" --quiet
"$python" "$here/sweep.py" "$scenario" --shards 12 --parts "$work/parts" --out "$work/merged" --forewarm "$forewarm" \
    >"$work/driver.log" 2>&1 &
driver=$!
for _ in $(seq 600); do
    [ "$(find "$work/parts" -name '*.parquet' 2>/dev/null | wc -l)" -lt 3 ] || break
    sleep 0.1
done
made=$(find "$work/parts" -name '*.parquet' | wc -l)
kill -9 -- "-${nodes[1]}"
wait "$driver" || { cat "$work/driver.log"; exit 1; }
[ "$made" -lt 12 ] || { echo "the node was killed too late to prove anything"; exit 1; }
for file in sweep.csv sweep.parquet; do
    cmp "$work/alone/$file" "$work/merged/$file"
done
echo "ray: nodes at $nodes_at; one was killed after $made of 12 shards; the merged files are those of one machine"
