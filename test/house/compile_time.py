#!/usr/bin/env python3
"""Checks what <marline/marline.hpp> costs whoever includes it.

    compile_time.py SECONDS COMMAND…

Runs COMMAND, a compiler that checks one source, until one run takes less processor time than
SECONDS (user time, so that a busy machine counts less), at most five times. Exits 1 if none does.
"""
import resource
import subprocess
import sys


def user_time(command):
    """Seconds of user processor time that the command took; exits when it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    if subprocess.run(command, check=False).returncode != 0:
        sys.exit("this does not compile: " + " ".join(command))
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def main(budget, command):
    taken = []
    while len(taken) < 5 and (not taken or min(taken) >= budget):
        taken.append(user_time(command))
    print(f"{min(taken):.2f} s of {budget:.2f} s (best of {len(taken)})")
    return 0 if min(taken) < budget else 1


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
