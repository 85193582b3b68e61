"""One side of a comparison: PyTorch trains when told to on standard input. The commands are those of StepWorker."""

import json
import math
import statistics
import struct
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


def read_safetensors(path):
    with open(path, "rb") as f:
        length = struct.unpack("<Q", f.read(8))[0]
        header = json.loads(f.read(length))
        data = bytearray(f.read())
    dtypes = {"F32": torch.float32, "I64": torch.int64}
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            flat = torch.frombuffer(data[begin:end], dtype=dtypes[entry["dtype"]])
            tensors[name] = flat.reshape(entry["shape"]).clone()
    return tensors


class Mlp(nn.Module):
    def __init__(self, first=256, second=256):
        super().__init__()
        self.fc = nn.ModuleList([nn.Linear(784, first), nn.Linear(first, second)])
        self.head = nn.Linear(second, 10)

    def forward(self, x):
        x = x.flatten(1)
        for layer in self.fc:
            x = F.relu(layer(x))
        return self.head(x)


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        widths = [1, 16, 32, 64]
        self.conv = nn.ModuleList([nn.Conv2d(i, o, 3, padding=1) for i, o in zip(widths, widths[1:])])
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        for layer in self.conv:
            x = F.max_pool2d(F.relu(layer(x)), 2)
        return self.head(x.mean((2, 3)))


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        n, t, width = x.shape
        q, k, v = self.qkv(x).view(n, t, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v)
        return self.proj(y.transpose(1, 2).reshape(n, t, width))


class FeedForward(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x):
        return self.down(F.gelu(self.up(x)))


class TransformerBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm = nn.ModuleList([nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)])
        self.attn = Attention(width, heads)
        self.ffn = FeedForward(width)

    def forward(self, x):
        x = x + self.attn(self.norm[0](x))
        return x + self.ffn(self.norm[1](x))


class VisionTransformer(nn.Module):
    def __init__(self, width=64, depth=4, heads=4, patch=7, tokens=17):
        super().__init__()
        self.patch = nn.Conv2d(1, width, patch, stride=patch)
        self.token = nn.Parameter(torch.empty(1, 1, width))
        self.position = nn.Parameter(torch.empty(1, tokens, width))
        self.block = nn.ModuleList([TransformerBlock(width, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        grid = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), grid], 1) + self.position
        for block in self.block:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


class Hyper(nn.Module):
    """A layer generated from one condition a row: cos|sin encoding, residual (arXiv 2304.07645)."""

    def __init__(self, width=784, hidden=32):
        super().__init__()
        self.fc = nn.ModuleList([nn.Linear(width, hidden)])
        self.head = nn.Linear(hidden, 10)
        total = hidden * width + hidden
        sizes = [2, 16, 64, 128]
        layers = {str(i): nn.Linear(a, b) for i, (a, b) in enumerate(zip(sizes, sizes[1:]))}
        self.hyper = nn.ModuleDict({**layers, "last": nn.Linear(128, total, bias=False)})
        self.shape = (hidden, width)

    def forward(self, x, gamma):
        angle = gamma * (math.pi / 2)
        h = torch.cat([angle.cos(), angle.sin()], 1)
        for i in "012":
            h = F.leaky_relu(self.hyper[i](h))
        theta = self.hyper["last"](h)
        weight, bias = theta.split([self.shape[0] * self.shape[1], self.shape[0]], 1)
        weight = self.fc[0].weight + weight.view(-1, *self.shape)
        bias = self.fc[0].bias + bias
        y = torch.bmm(x.flatten(1).unsqueeze(1), weight.transpose(1, 2)).squeeze(1) + bias
        return self.head(F.relu(y))


class EarlyLearning:
    """Cross entropy with early-learning regularisation (arXiv 2007.00151): one running target a row of the data."""

    def __init__(self, rows, classes=10, beta=0.7, weight=3.0):
        self.target = torch.zeros(rows, classes)
        self.beta, self.weight = beta, weight

    def __call__(self, logits, y, index):
        p = torch.clamp(F.softmax(logits, dim=1), 1e-4, 1.0 - 1e-4)
        q = p.detach()
        self.target[index] = self.beta * self.target[index] + (1 - self.beta) * (q / q.sum(dim=1, keepdim=True))
        agreement = (self.target[index] * p).sum(dim=1)
        return F.cross_entropy(logits, y) + self.weight * (1 - agreement).log().mean()


MODELS = {"mlp": Mlp, "convnet": ConvNet, "vit": VisionTransformer, "elr": lambda: Mlp(512, 256), "hyper": Hyper}

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.01),
    "sgd-fused": lambda p: torch.optim.SGD(p, lr=0.01, fused=True),
    "adam": lambda p: torch.optim.Adam(p, lr=1e-3),
    "adam-fused": lambda p: torch.optim.Adam(p, lr=1e-3, fused=True),
}


class Worker:
    def answer(self, words):
        return getattr(self, words[0])(*words[1:])

    def case(self, model, optimizer, threads, path):
        torch.set_num_threads(int(threads))
        state = read_safetensors(path)
        self.weights = {k[len("model."):]: v for k, v in state.items() if k.startswith("model.")}
        count = sum(k.startswith("x.") for k in state)
        inputs = [[state[f"{field}.{i}"] for field in ("x", "gamma") if f"{field}.{i}" in state] for i in range(count)]
        self.batches = [(inputs[i], state[f"y.{i}"]) for i in range(count)]
        rows = [len(y) for _, y in self.batches]
        self.index = list(torch.arange(sum(rows)).split(rows))
        self.model, self.optimizer = model, optimizer
        return "ready"

    def fresh(self):
        model = MODELS[self.model]()
        mine = model.state_dict()
        # Holdfast names a layer's weight "fc.0.weight" and its bias "fc.0.bias", as PyTorch does
        model.load_state_dict({k: v for k, v in self.weights.items() if k in mine}, strict=True)
        if self.model == "elr":
            self.loss = EarlyLearning(sum(len(i) for i in self.index))
        else:
            self.loss = lambda logits, y, index: F.cross_entropy(logits, y)
        return model, OPTIMIZERS[self.optimizer](model.parameters())

    def step(self, model, optimizer, i):
        at = i % len(self.batches)
        x, y = self.batches[at]
        optimizer.zero_grad()
        loss = self.loss(model(*x), y, self.index[at])
        loss.backward()
        optimizer.step()
        return loss.item()

    def losses(self, k):
        model, optimizer = self.fresh()
        return " ".join(str(self.step(model, optimizer, i)) for i in range(int(k)))

    def run(self, warm, n):
        warm, n = int(warm), int(n)
        model, optimizer = self.fresh()
        for i in range(warm):
            self.step(model, optimizer, i)
        nanos = []
        for i in range(n):
            start = time.perf_counter_ns()
            self.step(model, optimizer, warm + i)
            nanos.append(time.perf_counter_ns() - start)
        return f"{int(statistics.median(nanos))} {int(statistics.mean(nanos))}"

    def version(self):
        return f"PyTorch {torch.__version__}, Python {sys.version.split()[0]}"


if __name__ == "__main__":
    worker = Worker()
    for line in sys.stdin:
        if line.strip() == "quit":
            break
        print(worker.answer(line.split()), flush=True)
