package dev.holdfast.benchmarks;

import dev.holdfast.nn.Pass;
import dev.holdfast.nn.layer.Fresh;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.layer.Linear;
import dev.holdfast.nn.quant.Grid;
import dev.holdfast.nn.quant.LowPrecision;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Safetensors;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * One side of a comparison: forward and backward of a linear map in few bits, told to on standard input, so that {@code
 * precision_side_by_side.py} can let two processes run in turns. Commands, one a line, and their answers:
 *
 * <pre>
 * case GRID ROWS IN OUT GROUP THREADS FILE   writes x, w, up and what came out, y, gx and gw, to FILE, says "ready"
 * run WARM N                                 median nanoseconds of N times after WARM untimed ones
 * quit
 * </pre>
 */
public final class PrecisionWorker {
    private Linear map;
    private Parameters leaves;
    private Tensor up;

    private PrecisionWorker() {}

    public static void main(String[] args) throws IOException {
        Turns.serve(new PrecisionWorker()::answer);
    }

    private String answer(String[] words) throws IOException {
        return switch (words[0]) {
            case "case" -> {
                long[] n = Arrays.stream(words, 2, 7).mapToLong(Long::parseLong).toArray();
                torch.set_num_threads((int) n[4]);
                choose(Grid.valueOf(words[1]), n[0], n[1], n[2], (int) n[3]);
                try (Scope s = Scope.open()) {
                    ParamVector g = step();
                    Safetensors.write(
                            Path.of(words[7]),
                            new State()
                                    .put("x", leaves.get(1).detach())
                                    .put("w", leaves.get(0).detach())
                                    .put("up", up)
                                    .put("y", forward().detach())
                                    .put("gx", g.get(1))
                                    .put("gw", g.get(0)));
                }
                yield "ready";
            }
            case "run" -> Turns.run(words, this::steps);
            default -> throw new IllegalArgumentException("Unknown command '" + words[0] + "'.");
        };
    }

    private void choose(Grid grid, long rows, long in, long out, int group) {
        try (Scope s = Scope.open()) {
            Rng rng = Rng.of(1);
            map = new Linear("map", in, out, false, new Fresh(rng, ScalarType.Float, Init.KAIMING_UNIFORM));
            if (grid != Grid.FULL) {
                LowPrecision.of(grid).withGroups(group, group).apply(map);
            }
            Tensor x = Scope.own(rng.child("x").normal(rows, in)).set_requires_grad(true);
            up = Scope.own(rng.child("up").normal(rows, out));
            ParamMeta meta = new ParamMeta("x", ParamMeta.Role.OTHER, 1, 1, false, 0);
            leaves = map.parameters().and(new Parameters(List.of(meta), List.of(x)));
        }
    }

    private Tensor forward() {
        return map.forward(leaves.get(1), Pass.eval());
    }

    /** There is no loss to tell. */
    private void steps(double[] losses, long[] nanos) {
        for (int i = 0; i < nanos.length; i++) {
            long start = System.nanoTime();
            try (Scope s = Scope.open()) {
                step();
            }
            nanos[i] = System.nanoTime() - start;
        }
    }

    private ParamVector step() {
        return Autograd.vjp(forward(), up, leaves);
    }
}
