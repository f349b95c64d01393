#!/usr/bin/env bash
# A sweep on a real Slurm of one controller and two nodes on this machine; one task is killed in the middle. The merged files
# must be, byte for byte, those of a sweep without shards. Needs root, and Debian's slurmctld, slurmd, slurm-client, munge.
#   deploy/slurm/test.sh FOREWARM
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
forewarm=$(realpath "$1")
work=$(mktemp -d /tmp/fw-slurm.XXXXXX)
chmod 755 "$work"
pids=()
finish() {
    kill -9 "${pids[@]}" 2>/dev/null || true
    pkill -9 -f "$work" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

host=$(hostname -s)
mkdir -p "$work"/{munge,state,spool1,spool2}
chmod 700 "$work/munge"
head -c 1024 /dev/urandom >"$work/munge/key"
chmod 400 "$work/munge/key"
munged --foreground --force --key-file="$work/munge/key" --socket="$work/munge.socket" --pid-file="$work/munge/pid" \
    --log-file="$work/munge/log" --seed-file="$work/munge/seed" >"$work/munged.txt" 2>&1 &
pids+=($!)
disown
cat >"$work/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=26817
AuthType=auth/munge
AuthInfo=socket=$work/munge.socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool-%n
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd-%n.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SchedulerParameters=sched_interval=1,batch_sched_delay=0
MinJobAge=5
NodeName=one NodeHostname=$host NodeAddr=127.0.0.1 Port=26818 CPUs=1
NodeName=two NodeHostname=$host NodeAddr=127.0.0.2 Port=26819 CPUs=1
PartitionName=all Nodes=one,two Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$work/slurm.conf
for _ in $(seq 50); do [ -S "$work/munge.socket" ] && break; sleep 0.1; done
slurmctld -D >"$work/slurmctld.txt" 2>&1 &
pids+=($!)
disown
for node in one two; do
    slurmd -D -N "$node" >"$work/slurmd-$node.txt" 2>&1 &
    pids+=($!)
    disown
done
for _ in $(seq 100); do
    [ "$(sinfo --noheader --states=idle --format=%D 2>/dev/null | tr -d ' ')" = 2 ] && break
    sleep 0.2
done
[ "$(sinfo --noheader --states=idle --format=%D | tr -d ' ')" = 2 ] || { tail -n 20 "$work"/*.txt "$work"/*.log; exit 1; }

scenario=$here/../sweep-test.toml
"$forewarm" sweep "$scenario" --out "$work/alone" --quiet
FOREWARM=$forewarm POLL_S=1 "$here/sweep.sh" "$scenario" 12 "$work/parts" "$work/merged" >"$work/sweep.txt" 2>&1 &
sweep=$!
# A task is killed with all it started, as an operator or a full node would; another one if it had just written its part.
killed=
for _ in $(seq 100); do
    task=$(squeue --noheader --states=running --format=%i | head -n 1)
    sleep 0.2
    [ -n "$task" ] || continue
    scancel --signal=KILL --full "$task" 2>/dev/null || continue
    while squeue --noheader --jobs="$task" 2>/dev/null | grep -q .; do sleep 0.1; done
    if [ ! -e "$work/parts/$(printf 'part-%02d-of-12.parquet' "${task##*_}")" ]; then
        killed=${task##*_}
        break
    fi
done
[ -n "$killed" ] || { echo "no task could be killed"; cat "$work/sweep.txt"; exit 1; }
wait "$sweep" || { cat "$work/sweep.txt"; tail -n 20 "$work"/slurm*.log; exit 1; }
grep -q "submitted again: shards .*$killed" "$work/sweep.txt" || { echo "nothing was submitted again"; cat "$work/sweep.txt"; exit 1; }
for file in sweep.csv sweep.parquet; do
    cmp "$work/alone/$file" "$work/merged/$file"
done
echo "slurm: the task of shard $killed was killed and submitted again; the merged files are those of one machine"
