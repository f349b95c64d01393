#!/usr/bin/env python3
"""Runs a sweep of forewarm on a Ray cluster: one task for each shard, and the merge at the end.

    RAY_ADDRESS=10.0.0.1:6379 python sweep.py shop.toml --shards 256 --parts /shared/parts --out /shared/shop

The scenario, the folder of parts and the program must have the same paths on all nodes (a shared file system). A shard
whose worker or node is lost runs again on another; parts are written atomically, so nothing is counted twice. What is
there already is not simulated again: start the same command once more to go on after an interruption.
"""

import argparse
import os
import subprocess
import sys

import ray

# Exit codes of forewarm. Bad input stays bad, however often it is tried.
BAD_INPUT = 2


class Failed(Exception):
    """A shard ended early: another try makes sense."""


class Refused(Exception):
    """forewarm does not accept the scenario or the part: another try would end alike."""


def simulate(command):
    """Runs one shard, and says what it printed if that ends badly."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    if done.returncode == BAD_INPUT:
        raise Refused(done.stderr)
    if done.returncode != 0:
        raise Failed(f"exit code {done.returncode}\n{done.stderr}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", help="the scenario file with its [sweep]")
    parser.add_argument("--shards", type=int, required=True, help="parts to make; several for each core of the cluster")
    parser.add_argument("--parts", required=True, help="folder for the parts, on a shared file system")
    parser.add_argument("--out", required=True, help="folder for the results")
    parser.add_argument("--forewarm", default="forewarm", help="the program, as the nodes find it")
    parser.add_argument("--cores", type=int, default=1, help="cores of each task")
    parser.add_argument("--in-flight", type=int, help="tasks submitted at a time [default: twice the cores of the cluster]")
    parser.add_argument("--retries", type=int, default=5, help="further tries of each shard")
    parser.add_argument("options", nargs="*", help="after --: options that change the scenario, as --set KEY=VALUE")
    args = parser.parse_args()
    if args.shards < 1 or args.cores < 1 or args.retries < 0 or (args.in_flight is not None and args.in_flight < 1):
        parser.error("--shards, --cores and --in-flight must be at least 1, --retries at least 0")
    return args


def main():
    args = arguments()
    sweep = [args.forewarm, "sweep", os.path.abspath(args.scenario), *args.options]
    parts = os.path.abspath(args.parts)

    def command(shard):
        work = ["--shard", f"{shard}/{args.shards}", "--out", parts, "--threads", str(args.cores)]
        return [*sweep, *work, "--quiet", "--no-progress"]

    ray.init(address=os.environ.get("RAY_ADDRESS", "auto"), log_to_driver=False)
    task = ray.remote(simulate).options(
        num_cpus=args.cores, max_retries=args.retries, retry_exceptions=[Failed], scheduling_strategy="SPREAD"
    )
    in_flight = args.in_flight or max(2, 2 * int(ray.cluster_resources().get("CPU", 1)) // args.cores)
    left = iter(range(1, args.shards + 1))
    running, failed, done = {}, {}, 0
    while True:
        while len(running) < in_flight and not failed and (shard := next(left, None)) is not None:
            running[task.remote(command(shard))] = shard
        if not running:
            break
        finished, _ = ray.wait(list(running), num_returns=1)
        for reference in finished:
            shard = running.pop(reference)
            try:
                ray.get(reference)
                done += 1
            except Exception as error:  # whatever ended it for good: it is told, and nothing new begins
                failed[shard] = getattr(error, "cause", None) or error
        print(f"{done} of {args.shards} shards", file=sys.stderr, flush=True)
    for shard, error in sorted(failed.items()):
        print(f"shard {shard}/{args.shards} failed: {error}", file=sys.stderr)
    if failed:
        return BAD_INPUT if any(isinstance(error, Refused) for error in failed.values()) else 4
    return subprocess.run([*sweep, "--merge", parts, "--out", args.out]).returncode


if __name__ == "__main__":
    sys.exit(main())
