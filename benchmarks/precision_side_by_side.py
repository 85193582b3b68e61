"""Times forward and backward of a linear map in few bits in Holdfast and in PyTorch, in turns; prints a table.

precision_side_by_side.py [PAIRS]: pairs of blocks a case gets (default 9).

PyTorch does the same in the way of the published code: an autograd function that keeps what backward needs, the largest
inputs of a group by topk. Outputs and gradients must agree to 1e-4 of their size, or nothing is timed.
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

TOLERANCE = 1e-4
# grid, rows, inputs, outputs, group, times a block
CASES = [
    ("FULL", 1024, 64, 176, 32, 60),
    ("INT4", 1024, 64, 176, 32, 60),
    ("FP4_E2M1", 1024, 64, 176, 32, 60),
    ("INT4", 1024, 256, 256, 128, 30),
    ("INT8", 4096, 128, 512, 128, 10),
]
E2M1 = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6])


def read(path):
    with open(path, "rb") as f:
        length = struct.unpack("<Q", f.read(8))[0]
        header = json.loads(f.read(length))
        data = bytearray(f.read())
    return {
        name: torch.frombuffer(data[e["data_offsets"][0] : e["data_offsets"][1]], dtype=torch.float32)
        .reshape(e["shape"])
        .clone()
        for name, e in header.items()
        if name != "__metadata__"
    }


def nearest(v, grid):
    if grid == "FP4_E2M1":
        edges = (E2M1[1:] + E2M1[:-1]) / 2
        return E2M1[torch.bucketize((v * 6).abs(), edges)] / 6 * v.sign()
    top = 2 ** (int(grid[3:]) - 1) - 1
    return (v * top).round().clamp(-top - 1, top) / top


def absmax(x, grid, group, kept):
    v = x.reshape(-1, group)
    if kept:
        at = v.abs().topk(kept, 1).indices
        end = v.scatter(1, at, 0.0).abs().amax(1, keepdim=True).clamp(min=1e-6)
        return (nearest(v / end, grid) * end).scatter(1, at, v.gather(1, at)).reshape(x.shape)
    end = v.abs().amax(1, keepdim=True).clamp(min=1e-6)
    return (nearest(v / end, grid) * end).reshape(x.shape)


def affine(w, bits, group):
    v = w.reshape(-1, group)
    low, high = v.amin(1, keepdim=True).clamp(max=0), v.amax(1, keepdim=True).clamp(min=0)
    top = 2**bits - 1
    s = (high - low).clamp(min=1e-5) / top
    z = (-(low / s).round()).clamp(0, top)
    return (((v / s).round() + z).clamp(0, top) - z).mul(s).reshape(w.shape)


class Few(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, grid, group):
        xq = absmax(x, grid, group, 2)
        wq = affine(w, int(grid[3:]), group) if grid.startswith("INT") else absmax(w.reshape(-1), grid, group, 0)
        wq = wq.reshape(w.shape)
        ctx.save_for_backward(xq, wq)
        return torch.nn.functional.linear(xq, wq)

    @staticmethod
    def backward(ctx, up):
        xq, wq = ctx.saved_tensors
        return up @ wq, up.t() @ xq, None, None


class Theirs:
    def __init__(self, grid, group, t):
        self.grid, self.group, self.up = grid, group, t["up"]
        self.x, self.w = t["x"].requires_grad_(True), t["w"].requires_grad_(True)

    def step(self):
        if self.grid == "FULL":
            y = torch.nn.functional.linear(self.x, self.w)
        else:
            y = Few.apply(self.x, self.w, self.grid, self.group)
        return y, *torch.autograd.grad((y * self.up).sum(), (self.x, self.w))

    def run(self, warm, n):
        nanos = []
        for _ in range(warm + n):
            start = time.perf_counter_ns()
            self.step()
            nanos.append(time.perf_counter_ns() - start)
        return statistics.median(nanos[warm:])


def java_command():
    return side_by_side.java_command()[:-1] + ["dev.holdfast.benchmarks.PrecisionWorker"]


def main():
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    torch.set_num_threads(1)
    ours = Worker("Holdfast", java_command(), None)
    print(f"PyTorch {torch.__version__}, Python {platform.python_version()}; {side_by_side.processor()}; {pairs} pairs,")
    print(f"load average at the start {os.getloadavg()[0]:.1f}; one thread, float32.\n")
    print("| grid | rows x inputs x outputs | group | Holdfast, ms | PyTorch, ms | ratio | quartiles |")
    print("| --- | --- | ---: | ---: | ---: | ---: | --- |")
    for grid, rows, inputs, outputs, group, times in CASES:
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "case.safetensors")
            ours.ask("case", grid, rows, inputs, outputs, group, 1, file)
            tensors = read(file)
        theirs = Theirs(grid, group, tensors)
        for name, b in zip(("y", "gx", "gw"), theirs.step()):
            a = tensors[name]
            off = ((a - b).norm() / b.norm()).item()
            if off > TOLERANCE:
                sys.exit(f"{grid}: {name} differs by {off:.1e}")
        mine, other = [], []
        for _ in range(pairs):
            mine.append(int(ours.ask("run", 5, times)) * 1e-6)
            other.append(theirs.run(5, times) * 1e-6)
        q = statistics.quantiles([x / y for x, y in zip(mine, other)], n=4)
        print(
            f"| {grid} | {rows:,} x {inputs} x {outputs} | {group} | {statistics.median(mine):.2f} |"
            f" {statistics.median(other):.2f} | **{q[1]:.2f}** | {q[0]:.2f} to {q[2]:.2f} |",
            flush=True,
        )
    ours.quit()


main()
