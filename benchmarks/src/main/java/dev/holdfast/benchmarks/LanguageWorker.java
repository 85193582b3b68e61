package dev.holdfast.benchmarks;

import dev.holdfast.nn.Pass;
import dev.holdfast.nn.lm.Decoder;
import dev.holdfast.nn.lm.DecoderConfig;
import dev.holdfast.nn.lm.TokenLoss;
import dev.holdfast.optim.Optimizer;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Safetensors;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * One side of a comparison: training steps of a small decoder with Adam, told to on standard input, so that {@code
 * language_side_by_side.py} can let two processes run in turns. Commands, one a line, and their answers:
 *
 * <pre>
 * case HIDDEN LAYERS HEADS KVHEADS ROWS TOKENS THREADS FILE   writes weights and ids to FILE, says "ready"
 * losses K                                                    the losses of the first K steps
 * run WARM N                                                  median nanoseconds of N steps after WARM untimed ones
 * quit
 * </pre>
 */
public final class LanguageWorker {
    private static final int VOCABULARY = 264;

    private DecoderConfig config;
    private Tensor ids;

    private LanguageWorker() {}

    public static void main(String[] args) throws IOException {
        LanguageWorker worker = new LanguageWorker();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null && !line.equals("quit"); line = in.readLine()) {
            System.out.println(worker.answer(line.split(" ")));
            System.out.flush();
        }
    }

    private String answer(String[] words) throws IOException {
        return switch (words[0]) {
            case "case" -> {
                int[] n = Arrays.stream(words, 1, 8).mapToInt(Integer::parseInt).toArray();
                torch.set_num_threads(n[6]);
                config = DecoderConfig.of(VOCABULARY, n[0], n[1], n[2]).withKvHeads(n[3]);
                try (Scope s = Scope.open()) {
                    ids = Scope.own(Rng.of(7)
                            .uniform(n[4], n[5])
                            .mul(Tensors.scalar(VOCABULARY))
                            .to(ScalarType.Long));
                    State file = new State().put("ids", ids);
                    Parameters p = fresh().parameters();
                    for (int i = 0; i < p.size(); i++) {
                        file.put("model." + p.meta().get(i).name(), p.get(i));
                    }
                    Safetensors.write(Path.of(words[8]), file);
                }
                yield "ready";
            }
            case "losses" -> {
                double[] losses = new double[Integer.parseInt(words[1])];
                steps(losses, new long[losses.length]);
                yield String.join(
                        " ", Arrays.stream(losses).mapToObj(Double::toString).toList());
            }
            case "run" -> {
                int warm = Integer.parseInt(words[1]);
                long[] nanos = new long[warm + Integer.parseInt(words[2])];
                steps(new double[nanos.length], nanos);
                long[] timed = Arrays.copyOfRange(nanos, warm, nanos.length);
                Arrays.sort(timed);
                yield Long.toString(timed[timed.length / 2]);
            }
            default -> throw new IllegalArgumentException("Unknown command '" + words[0] + "'.");
        };
    }

    private Decoder fresh() {
        return config.build(Rng.of(1), ScalarType.Float);
    }

    private void steps(double[] losses, long[] nanos) {
        try (Scope all = Scope.open()) {
            Decoder decoder = fresh();
            Parameters p = decoder.parameters();
            Optimizer optimizer = OptimizerConfig.adam(1e-3).build(p);
            for (int i = 0; i < losses.length; i++) {
                long start = System.nanoTime();
                try (Scope s = Scope.open()) {
                    Tensor loss = TokenLoss.mean(decoder.forward(ids, Pass.train(Rng.of(i))), ids);
                    optimizer.step(Autograd.grad(loss, p, false));
                    losses[i] = Tensors.item(loss);
                }
                nanos[i] = System.nanoTime() - start;
            }
        }
    }
}
