package dev.holdfast.benchmarks;

import dev.holdfast.calibrate.map.EnsembleMap;
import dev.holdfast.calibrate.map.LearnableMap;
import dev.holdfast.calibrate.map.PiecewiseMap;
import dev.holdfast.calibrate.objective.HObjective;
import dev.holdfast.optim.StepContext;
import dev.holdfast.optim.rule.Adam;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Safetensors;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * One side of a comparison: full-batch steps of h-calibration, told to on standard input, so that {@code
 * calibration_side_by_side.py} can let two processes run in turns. Commands, one a line, and their answers:
 *
 * <pre>
 * case MAP ROWS CLASSES THREADS FILE   writes logits, labels and first values to FILE, says "ready"
 * losses K                             the losses of the first K steps
 * run WARM N                           median nanoseconds of N steps after WARM untimed ones
 * quit
 * </pre>
 */
public final class CalibrationWorker {
    private static final double RATE = 5e-3;

    private Tensor logits;
    private int[] label;
    private String form;

    private CalibrationWorker() {}

    public static void main(String[] args) throws IOException {
        Turns.serve(new CalibrationWorker()::answer);
    }

    private String answer(String[] words) throws IOException {
        return switch (words[0]) {
            case "case" -> {
                choose(words[1], Integer.parseInt(words[2]), Integer.parseInt(words[3]), Integer.parseInt(words[4]));
                try (Scope s = Scope.open()) {
                    State file = new State().put("logits", logits).put("labels", Tensors.ids(label));
                    Safetensors.write(Path.of(words[5]), file.put("map", map().state()));
                }
                yield "ready";
            }
            case "losses" -> Turns.losses(words, this::steps);
            case "run" -> Turns.run(words, this::steps);
            default -> throw new IllegalArgumentException("Unknown command '" + words[0] + "'.");
        };
    }

    private void choose(String map, int rows, int classes, int threads) {
        torch.set_num_threads(threads);
        form = map;
        try (Scope s = Scope.open()) {
            Rng rng = Rng.of(1);
            Tensor z = rng.child("z").normal(ScalarType.Double, rows, classes).mul(Tensors.scalar(3));
            double[][] p = Tensors.rows(z.div(Tensors.scalar(2)).softmax(1));
            Rng draws = rng.child("y");
            label = new int[rows];
            for (int i = 0; i < rows; i++) {
                double u = draws.next();
                while (label[i] < classes - 1 && u >= p[i][label[i]]) {
                    u -= p[i][label[i]++];
                }
            }
            logits = Scope.own(z);
        }
    }

    private LearnableMap map() {
        return form.equals("piecewise") ? new PiecewiseMap(500) : new EnsembleMap(32, Rng.of(2));
    }

    private void steps(double[] losses, long[] nanos) {
        try (Scope all = Scope.open()) {
            LearnableMap map = map();
            Adam rule = new Adam(map.parameters(), 0.9, 0.999, 1e-8);
            for (int i = 0; i < losses.length; i++) {
                long start = System.nanoTime();
                try (Scope s = Scope.open()) {
                    Tensor loss = HObjective.loss(HObjective.Config.DEFAULTS, map.forward(logits), label);
                    ParamVector g = Autograd.grad(loss, map.parameters(), false);
                    map.parameters()
                            .add(-RATE, rule.direction(g, new StepContext(i, map.parameters(), Map.of(), null)));
                    losses[i] = Tensors.item(loss);
                }
                nanos[i] = System.nanoTime() - start;
            }
        }
    }
}
