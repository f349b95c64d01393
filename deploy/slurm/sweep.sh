#!/usr/bin/env bash
# Runs a sweep of forewarm as an array job of Slurm, submits again what was lost, and merges at the end.
#
#   sweep.sh shop.toml 256 /shared/parts /shared/shop [options that change the scenario, as --set KEY=VALUE]
#
# The scenario, the folder of parts and the program (FOREWARM, default: forewarm) must have the same paths on all nodes.
# SBATCH_OPTIONS are handed to sbatch (a partition, a time limit). What is there already is not simulated again.
set -euo pipefail
if [ $# -lt 4 ]; then
    sed -n '2,8s/^# \{0,1\}//p' "$0"
    exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
scenario=$(realpath "$1") shards=$2 parts=$(realpath -m "$3") out=$4
shift 4
: "${FOREWARM:=forewarm}" "${RETRIES:=5}" "${POLL_S:=10}"
mkdir -p "$parts"
log=$parts/log
mkdir -p "$log"

missing() { # the shards without a part, as sbatch wants them: 3,7,8
    local number list=()
    for number in $(seq "$shards"); do
        [ -e "$parts/$(printf 'part-%0*d-of-%d.parquet' ${#shards} "$number" "$shards")" ] || list+=("$number")
    done
    (IFS=,; echo "${list[*]}")
}

for try in $(seq 0 "$RETRIES"); do
    left=$(missing)
    [ -n "$left" ] || break
    [ "$try" -eq 0 ] || echo "submitted again: shards $left" >&2
    # shellcheck disable=SC2086 # several options
    job=$(FOREWARM=$FOREWARM SCENARIO=$scenario SHARDS=$shards PARTS=$parts RETRIES=$RETRIES \
        sbatch --parsable --array="$left" --output="$log/%A-%a.txt" --export=ALL ${SBATCH_OPTIONS:-} "$here/sweep.sbatch" "$@")
    # sbatch --wait looks so seldom that short sweeps would wait for it longer than for themselves.
    while squeue --noheader --jobs="$job" 2>/dev/null | grep -q .; do
        sleep "$POLL_S"
    done
    # Bad input: no other try will end better.
    if sacct --version >/dev/null 2>&1 && sacct -j "$job" -n -o ExitCode 2>/dev/null | grep -q '^ *2:0'; then
        cat "$log/$job"-*.txt >&2
        exit 2
    fi
done
exec "$FOREWARM" sweep "$scenario" --merge "$parts" --out "$out" "$@"
