"""Times Holdfast against PyTorch: a Java and a Python process train the same networks in turns; prints a table.

side_by_side.py [PAIRS]: how many pairs of blocks a case gets, 15 or more (default 15).
"""

import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOSS_STEPS = 10
TOLERANCE = 1e-4

# model, optimizer, timed steps a block, goal for the ratio
CASES = [
    ("mlp", "sgd", 200, 0.8),
    ("mlp", "adam", 200, 0.8),
    ("mlp", "adam-fused", 200, None),
    ("convnet", "sgd", 40, 1.0),
    ("convnet", "adam", 40, 1.0),
    ("vit", "sgd", 40, 1.0),
    ("vit", "adam", 40, 1.0),
    ("elr", "sgd", 60, 1.0),
    ("hyper", "adam", 60, 1.0),
]


class Worker:
    def __init__(self, name, command, log):
        self.name = name
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )

    def ask(self, *words):
        self.process.stdin.write(" ".join(str(w) for w in words) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer:
            sys.exit(f"The {self.name} worker ended at '{words[0]}'; its messages are above.")
        return answer

    def block(self, steps):
        return int(self.ask("run", max(5, steps // 10), steps).split()[0])

    def quit(self):
        self.process.stdin.write("quit\n")
        self.process.stdin.flush()
        self.process.wait()


def java_command():
    java = os.path.join(os.environ["JAVA_HOME"], "bin", "java") if "JAVA_HOME" in os.environ else "java"
    path = f"{HERE}/target/classes:{(HERE / 'target/classpath.txt').read_text().strip()}"
    options = ["-XX:+UseSerialGC", "-Dorg.bytedeco.javacpp.maxPhysicalBytes=0"]
    return [java, *options, "-cp", path, "dev.holdfast.benchmarks.StepWorker"]


def processor():
    try:
        with open("/proc/cpuinfo") as f:
            return next(line.split(":")[1].strip() for line in f if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def same_losses(ours, theirs):
    """Largest relative difference of the losses of the first steps, from the same weights on the same batches."""
    a = [float(v) for v in ours.ask("losses", LOSS_STEPS).split()]
    b = [float(v) for v in theirs.ask("losses", LOSS_STEPS).split()]
    return max(abs(x - y) / abs(y) for x, y in zip(a, b))


def measure(ours, theirs, case, threads, pairs, file):
    model, optimizer, steps, goal = case
    ours.ask("case", model, optimizer.split("-")[0], threads, file)
    theirs.ask("case", model, optimizer, threads, file)
    difference = same_losses(ours, theirs)
    if difference > TOLERANCE:
        sys.exit(f"{model} {optimizer}: the losses differ by {difference:.1e}, so the two do not do the same work.")
    # the JVM compiles what it has run often enough; both sides are warm before anything counts
    for _ in range(3):
        ours.block(steps)
    theirs.block(steps)
    mine, other = [], []
    for _ in range(pairs):
        mine.append(ours.block(steps))
        other.append(theirs.block(steps))
    ratios = sorted(a / b for a, b in zip(mine, other))
    ratio = statistics.median(ratios)
    low, high = ratios[len(ratios) // 4], ratios[len(ratios) * 3 // 4]
    verdict = "" if goal is None else f"{goal} {'met' if ratio <= goal else 'missed'}"
    print(
        f"| {model} | {optimizer} | {threads} | {statistics.median(mine) / 1e6:.3f} |"
        f" {statistics.median(other) / 1e6:.3f} | **{ratio:.2f}** | {low:.2f} to {high:.2f} | {verdict} |"
        f" {difference:.0e} |",
        flush=True,
    )


def main():
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    ours = Worker("Holdfast", java_command(), sys.stderr)
    theirs = Worker("PyTorch", [sys.executable, str(HERE / "torch_worker.py")], sys.stderr)
    print(f"Holdfast on {ours.ask('version')}; {theirs.ask('version')}; {processor()}, {os.cpu_count()} processors;")
    print(f"{pairs} pairs of blocks a case, in turns; load average at the start {os.getloadavg()[0]:.1f}.\n")
    print("| model | optimizer | threads | Holdfast, ms | PyTorch, ms | ratio | quartiles | goal | loss difference |")
    print("| --- | --- | ---: | ---: | ---: | ---: | --- | --- | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for threads in (1, 2):
            for case in CASES:
                measure(ours, theirs, case, threads, pairs, os.path.join(folder, "case.safetensors"))
    ours.quit()
    theirs.quit()


if __name__ == "__main__":
    main()
