"""Let one call of every tool go wrong: faults.py SAMPLES KIND... in a folder that every_tool (see
every_tool.sh) has filled.  Each of `commands` runs with its Nth call of that kind failing (see
tests/preload/faults.c), for all N or SAMPLES of them, the last ones among these, and must

- succeed with the very output of a run in which nothing fails, or
- fail with status 3, one line on stderr that gives the reason, and nothing under its output's name.

What foreign libraries do that end the process when they have no memory is in rtdtools(7)."""
import os
import shutil
import subprocess
import sys

SHIM = os.environ["BUILD"] + "/tests/faults.so"
REASON = {"alloc": "memory", "open": "Too many open files", "read": "Input/output error", "stdin": "Input/output error",
          "write": "No space left on device", "sync": "Input/output error", "rename": "Input/output error"}
REST = min(8, int(sys.argv[1]))  # the last calls are tried in any case: what prints and commits is there


def run(command, fault=None, count=None):
    for n in os.listdir("."):
        if n == "OUT" or n.startswith("OUT."):
            shutil.rmtree(n) if os.path.isdir(n) else os.remove(n)
    env = dict(os.environ, LD_PRELOAD=SHIM, OMP_NUM_THREADS="1")
    if fault:
        env["RTD_FAULT"] = fault
    if count:
        env["RTD_FAULT_COUNT"] = count
    name, *argv = command.split()
    with open("/dev/null" if name == "-" else name, "rb") as given:
        done = subprocess.run(argv, stdin=given, capture_output=True, env=env, timeout=60)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def trains(command):
    return "rtd-train" in command


def written(command):
    """What stands under the name OUT: {name: bytes}; of a run of training the models, each of them
    whole."""
    if not os.path.isdir("OUT"):
        return {"": open("OUT", "rb").read()} if os.path.exists("OUT") else {}
    found = {}
    for folder, _, names in os.walk("OUT"):
        for name in names:
            path = os.path.join(folder, name)
            if not trains(command) or path.startswith(("OUT/discriminator/", "OUT/generator/")):
                found[path] = open(path, "rb").read()
    return found


def numbers(total, samples):
    if samples == 0 or total <= samples:
        return range(1, total + 1)
    spread = samples - REST
    some = {1 + i * (total - REST) // spread + (i * 7919) % max(1, (total - REST) // spread) for i in range(spread)}
    return sorted(n for n in some | set(range(total - REST + 1, total + 1)) if n <= total)


def wrong(command, kind, result, want):
    """Why this is not how a tool ends, or None."""
    status, out, err = result
    files = written(command)
    lines = err.splitlines()
    if status == 0:
        same = (out, files) == want
        return None if same else "status 0 and other output"
    if status == -6 and "libblis" in err:
        return None
    if err == "Fatal Internal Error in libarchive: No memory\n":
        return None
    if status != 3:
        return f"status {status}"
    if len(lines) != 1 or not lines[0].startswith(command.split()[1] + ": "):
        return f"{len(lines)} lines"
    if REASON[kind] not in lines[0]:
        return "another reason"
    if files and not trains(command):
        return f"status {status} and an output"
    left = [n for n in os.listdir(".") if n.startswith("OUT.") and not n.endswith(".state")]
    return f"leaves {left}" if left else None


def main():
    samples, kinds = int(sys.argv[1]), sys.argv[2:]
    bad = tried = 0
    only = os.environ.get("RTD_FAULT_ONLY", "")
    for command in open("commands").read().splitlines():
        if only not in command:
            continue
        status, out, err = run(command, count="count")
        want = out, written(command)
        if status or not (out or want[1]):
            sys.exit(f"{command}: status {status} without a fault: {err}")
        total = dict(line.split() for line in open("count"))
        for kind in kinds:
            for n in numbers(int(total[kind]), samples):
                tried += 1
                result = run(command, f"{kind} {n}")
                why = wrong(command, kind, result, want)
                if why:
                    bad += 1
                    print(f"{command}: {kind} {n} of {total[kind]}: {why}: {result[2][:300]!r}")
    print(f"{tried} calls failed, {bad} times a tool did not see it")
    sys.exit(bad != 0)


main()
