"""`python -m benchmarks`: measure, and print the tables of `benchmarks/README.md`."""

from __future__ import annotations

import argparse

from benchmarks.training import run

parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure how fast networks are trained.")
parser.add_argument("--rounds", type=int, default=9, help="measured rounds, one more being a warm-up (default: 9)")
parser.add_argument("--threads", type=int, default=1, help="CPU threads inside one operation (default: 1)")
parser.add_argument("--cpu-time", action="store_true", help="count CPU time: for a machine that is busy otherwise")
arguments = parser.parse_args()
run(rounds=arguments.rounds, threads=arguments.threads, cpu_time=arguments.cpu_time)
