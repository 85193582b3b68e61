"""Times a training step of a small decoder against the same in PyTorch, in turns; prints a table.

language_side_by_side.py [PAIRS]: how many pairs of blocks a case gets (default 15). With --worker, the PyTorch side.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
TOLERANCE = 1e-4
VOCABULARY = 264

# hidden, layers, heads, key and value heads, rows, tokens, threads, optimizer, timed steps a block
CASES = [
    (128, 2, 4, 4, 64, 40, 1, "adam", 10),
    (128, 2, 4, 2, 64, 40, 1, "adam-fused", 10),
    (64, 4, 4, 4, 16, 32, 1, "adam", 20),
    (128, 2, 4, 4, 64, 40, 2, "adam", 10),
    (128, 2, 4, 2, 64, 40, 2, "adam-fused", 10),
    (64, 4, 4, 4, 16, 32, 2, "adam", 20),
]


def worker():
    import torch
    from torch import nn
    from torch.nn import functional as F
    from torch_worker import read_safetensors

    class Block(nn.Module):
        def __init__(self, hidden, heads, kv):
            super().__init__()
            self.heads, self.kv, self.d = heads, kv, hidden // heads
            inner = (hidden * 8 // 3 + 7) // 8 * 8
            self.self_attn = nn.ModuleDict({
                "q_proj": nn.Linear(hidden, hidden, bias=False),
                "k_proj": nn.Linear(hidden, kv * self.d, bias=False),
                "v_proj": nn.Linear(hidden, kv * self.d, bias=False),
                "o_proj": nn.Linear(hidden, hidden, bias=False),
            })
            self.mlp = nn.ModuleDict({
                "gate_proj": nn.Linear(hidden, inner, bias=False),
                "up_proj": nn.Linear(hidden, inner, bias=False),
                "down_proj": nn.Linear(inner, hidden, bias=False),
            })
            self.input_layernorm = nn.RMSNorm(hidden, eps=1e-6)
            self.post_attention_layernorm = nn.RMSNorm(hidden, eps=1e-6)

        @staticmethod
        def turn(x, cos, sin):
            a, b = x.chunk(2, -1)
            return x * cos + torch.cat([-b, a], -1) * sin

        def forward(self, x, cos, sin):
            n, t, width = x.shape
            h, a = self.input_layernorm(x), self.self_attn
            q = a["q_proj"](h).view(n, t, self.heads, self.d).transpose(1, 2)
            k = a["k_proj"](h).view(n, t, self.kv, self.d).transpose(1, 2)
            v = a["v_proj"](h).view(n, t, self.kv, self.d).transpose(1, 2)
            q, k = self.turn(q, cos, sin), self.turn(k, cos, sin)
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=self.kv < self.heads)
            x = x + a["o_proj"](y.transpose(1, 2).reshape(n, t, width))
            h, m = self.post_attention_layernorm(x), self.mlp
            return x + m["down_proj"](F.silu(m["gate_proj"](h)) * m["up_proj"](h))

    class Model(nn.Module):
        def __init__(self, hidden, layers, heads, kv):
            super().__init__()
            self.embed_tokens = nn.Embedding(VOCABULARY, hidden)
            self.layers = nn.ModuleList([Block(hidden, heads, kv) for _ in range(layers)])
            self.norm = nn.RMSNorm(hidden, eps=1e-6)
            d = hidden // heads
            self.frequencies = 1e4 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)

        def forward(self, ids):
            angle = torch.arange(ids.shape[1], dtype=torch.float64)[:, None] * self.frequencies
            angle = torch.cat([angle, angle], -1)
            cos, sin = angle.cos().float(), angle.sin().float()
            x = self.embed_tokens(ids)
            for layer in self.layers:
                x = layer(x, cos, sin)
            return F.linear(self.norm(x), self.embed_tokens.weight)

    state = {}

    def fresh():
        model = Model(*state["shape"])
        model.load_state_dict(state["weights"], strict=True)
        return model, torch.optim.Adam(model.parameters(), lr=1e-3, fused=state["fused"])

    def steps(count):
        model, optimizer = fresh()
        ids, losses, nanos = state["ids"], [], []
        for _ in range(count):
            start = time.perf_counter_ns()
            optimizer.zero_grad()
            logits = model(ids)
            loss = F.cross_entropy(logits[:, :-1].reshape(-1, VOCABULARY), ids[:, 1:].reshape(-1))
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            nanos.append(time.perf_counter_ns() - start)
        return losses, nanos

    for line in sys.stdin:
        words = line.split()
        if words[0] == "quit":
            break
        if words[0] == "case":
            *shape, _, _, threads = map(int, words[1:8])
            torch.set_num_threads(threads)
            file = read_safetensors(words[8])
            weights = {k[len("model.model."):]: v for k, v in file.items() if k.startswith("model.")}
            state.update(shape=shape, ids=file["ids"], weights=weights, fused=words[9] == "adam-fused")
            answer = "ready"
        elif words[0] == "losses":
            answer = " ".join(map(str, steps(int(words[1]))[0]))
        else:
            warm, n = int(words[1]), int(words[2])
            answer = str(int(statistics.median(steps(warm + n)[1][warm:])))
        print(answer, flush=True)


def main():
    from side_by_side import Worker, java_command, processor, same_losses

    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    java = [*java_command()[:-1], "dev.holdfast.benchmarks.LanguageWorker"]
    ours = Worker("Holdfast", java, sys.stderr)
    theirs = Worker("PyTorch", [sys.executable, __file__, "--worker"], sys.stderr)
    print(f"{processor()}, {os.cpu_count()} processors; {pairs} pairs of blocks a case, in turns; load average at the")
    print(f"start {os.getloadavg()[0]:.1f}.\n")
    print("| decoder | batch | optimizer | threads | Holdfast, ms | PyTorch, ms | ratio | quartiles | goal | loss difference |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: | --- | --- | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for *numbers, optimizer, steps in CASES:
            file = os.path.join(folder, "case.safetensors")
            ours.ask("case", *numbers, file)
            theirs.ask("case", *numbers, file, optimizer)
            difference = same_losses(ours, theirs)
            if difference > TOLERANCE:
                sys.exit(f"{numbers}: the losses differ by {difference:.1e}, so the two do not do the same work.")
            for _ in range(3):
                ours.block(steps)
            theirs.block(steps)
            mine, other = [], []
            for _ in range(pairs):
                mine.append(ours.block(steps))
                other.append(theirs.block(steps))
            ratios = sorted(a / b for a, b in zip(mine, other))
            ratio, low, high = statistics.median(ratios), ratios[len(ratios) // 4], ratios[len(ratios) * 3 // 4]
            hidden, layers, heads, kv, rows, tokens, threads = numbers
            print(
                f"| width {hidden}, {layers} blocks, {heads} heads ({kv}) | {rows} x {tokens} | {optimizer} | {threads} |"
                f" {statistics.median(mine) / 1e6:.1f} | {statistics.median(other) / 1e6:.1f} | **{ratio:.2f}** |"
                f" {low:.2f} to {high:.2f} | 1.0 {'met' if ratio <= 1 else 'missed'} | {difference:.0e} |",
                flush=True,
            )
    ours.quit()
    theirs.quit()


if __name__ == "__main__":
    worker() if "--worker" in sys.argv else main()
