"""Times one full-batch step of h-calibration in Holdfast and in PyTorch, in turns; prints a table.

calibration_side_by_side.py [PAIRS]: pairs of blocks a case gets (default 9).

PyTorch does the same step with its own operations: sort with the order outside the graph, window means by cumulative
sums, deterministic k-means on the sorted values by searchsorted, leave-one-class-out by masks, backward, Adam. Losses of
the first steps must agree to 1e-6, or nothing is timed.
"""

import json
import os
import platform
import statistics
import struct
import sys
import tempfile
import time

import torch

import side_by_side
from side_by_side import Worker

STEPS = 30
LOSSES = 5
TOLERANCE = 1e-6
# map, rows, classes
CASES = [("piecewise", 5000, 10), ("ensemble", 5000, 10), ("piecewise", 50000, 10)]


def read(path):
    with open(path, "rb") as f:
        length = struct.unpack("<Q", f.read(8))[0]
        header = json.loads(f.read(length))
        data = bytearray(f.read())
    kinds = {"F64": torch.float64, "I64": torch.int64}
    return {
        name: torch.frombuffer(data[e["data_offsets"][0] : e["data_offsets"][1]], dtype=kinds[e["dtype"]])
        .reshape(e["shape"])
        .clone()
        for name, e in header.items()
        if name != "__metadata__"
    }


def clusters(p, k=15):
    """Boundaries of deterministic k-means on sorted numbers."""
    n = len(p)
    sums = torch.cat([p.new_zeros(1), p.cumsum(0)])
    at = (torch.arange(k, dtype=p.dtype) + 0.5) / k * (n - 1)
    low = at.long()
    centre = p[low] + (at - low) * (p[(low + 1).clamp_max(n - 1)] - p[low])
    before = None
    for _ in range(101):
        edges = (centre[1:] + centre[:-1]) / 2
        at = torch.cat([torch.zeros(1, dtype=torch.long), torch.searchsorted(p, edges, right=True), torch.tensor([n])])
        if before is not None and torch.equal(at, before):
            break
        before = at
        count = at[1:] - at[:-1]
        mean = (sums[at[1:]] - sums[at[:-1]]) / count.clamp_min(1)
        centre = torch.where(count > 0, mean, centre)
    return at


def part(p, hot, window=200, k=15):
    flat = p.reshape(-1)
    order = (flat.detach() + 1e-20).argsort(stable=True)
    sorted_p = flat[order]
    r = sorted_p - hot.reshape(-1)[order]
    n = len(r)
    sums = torch.cat([r.new_zeros(1), r.cumsum(0)])
    j = torch.arange(n)
    half = window // 2
    g = (sums[(j + half + 1).clamp_max(n)] - sums[(j - half).clamp_min(0)]) / (window + 1)
    e = torch.relu(g.abs() - 1e-20)
    at = clusters(sorted_p.detach())
    total = torch.cat([e.new_zeros(1), e.cumsum(0)])
    return ((total[at[1:]] - total[at[:-1]]) / (at[1:] - at[:-1] + 1e-5)).mean()


def objective(p, y, hot):
    c = p.shape[1]
    return 1e5 * sum(part(p[y != k], hot[y != k]) for k in range(c)) / c


class Theirs:
    def __init__(self, form, tensors):
        self.form = form
        self.z = tensors["logits"]
        self.y = tensors["labels"]
        self.hot = torch.nn.functional.one_hot(self.y, self.z.shape[1]).to(self.z.dtype)
        self.first = [v for name, v in sorted(tensors.items()) if name.startswith("map.")]

    def forward(self, leaves):
        x = self.z.log_softmax(1)
        if self.form == "ensemble":
            a, w = leaves[0].abs(), leaves[1].abs()
            return ((x.unsqueeze(1) * a.unsqueeze(1)).softmax(2) * (w / w.sum()).unsqueeze(1)).sum(1)
        s = leaves[0].abs()
        segments = len(s) - 1
        width = 100 / segments
        t = -x
        k = (t.detach() / width).floor().clamp_max(segments - 1)
        at = k.long()
        mapped = (s.cumsum(0) - 1)[at] * width + s[1:][at] * (t - k * width)
        return (-mapped).softmax(1)

    def steps(self, n):
        leaves = [v.clone().requires_grad_(True) for v in self.first]
        adam = torch.optim.Adam(leaves, lr=5e-3)
        losses, nanos = [], []
        for _ in range(n):
            start = time.perf_counter_ns()
            adam.zero_grad()
            loss = objective(self.forward(leaves), self.y, self.hot)
            loss.backward()
            adam.step()
            losses.append(loss.item())
            nanos.append(time.perf_counter_ns() - start)
        return losses, nanos


def java_command():
    return side_by_side.java_command()[:-1] + ["dev.holdfast.benchmarks.CalibrationWorker"]


def main():
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    torch.set_num_threads(1)
    ours = Worker("Holdfast", java_command(), None)
    print(f"PyTorch {torch.__version__}, Python {platform.python_version()}; {side_by_side.processor()}; {pairs} pairs,")
    print(f"load average at the start {os.getloadavg()[0]:.1f}; one thread, float64.\n")
    print("| map | rows x classes | Holdfast ms | PyTorch ms | ratio (quartiles) |")
    print("| --- | --- | ---: | ---: | ---: |")
    for form, rows, classes in CASES:
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "case.safetensors")
            ours.ask("case", form, rows, classes, 1, file)
            theirs = Theirs(form, read(file))
            a = [float(v) for v in ours.ask("losses", LOSSES).split()]
            b = theirs.steps(LOSSES)[0]
            off = max(abs(x - y) / abs(y) for x, y in zip(a, b))
            if off > TOLERANCE:
                sys.exit(f"{form}: losses differ by {off:.1e}: {a} {b}")
            steps = STEPS if rows <= 5000 else 6
            mine, other = [], []
            for _ in range(pairs):
                mine.append(int(ours.ask("run", 3, steps)) * 1e-6)
                other.append(statistics.median(theirs.steps(3 + steps)[1][3:]) * 1e-6)
        ratios = sorted(x / y for x, y in zip(mine, other))
        q = statistics.quantiles(ratios, n=4)
        print(
            f"| {form} | {rows:,} x {classes} | {statistics.median(mine):.1f} | {statistics.median(other):.1f} |"
            f" {q[1]:.2f} ({q[0]:.2f} to {q[2]:.2f}) |",
            flush=True,
        )
    ours.quit()


main()
