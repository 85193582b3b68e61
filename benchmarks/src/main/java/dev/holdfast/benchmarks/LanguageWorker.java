package dev.holdfast.benchmarks;

import dev.holdfast.language.train.GradientShards;
import dev.holdfast.language.train.Pretraining;
import dev.holdfast.language.train.TokenBatch;
import dev.holdfast.language.train.TokenObjective;
import dev.holdfast.nn.lm.Decoder;
import dev.holdfast.nn.lm.DecoderConfig;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.run.Threads;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Safetensors;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
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
    private int threads;

    private LanguageWorker() {}

    public static void main(String[] args) throws IOException {
        Turns.serve(new LanguageWorker()::answer);
    }

    private String answer(String[] words) throws IOException {
        return switch (words[0]) {
            case "case" -> {
                int[] n = Arrays.stream(words, 1, 8).mapToInt(Integer::parseInt).toArray();
                threads = n[6];
                Threads.set(threads);
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
            case "losses" -> Turns.losses(words, this::steps);
            case "run" -> Turns.run(words, this::steps);
            default -> throw new IllegalArgumentException("Unknown command '" + words[0] + "'.");
        };
    }

    private Decoder fresh() {
        return config.build(Rng.of(1), ScalarType.Float);
    }

    private void steps(double[] losses, long[] nanos) {
        try (Scope all = Scope.open();
                GradientShards shards = new GradientShards(threads)) {
            Decoder decoder = fresh();
            Pretraining training = new Pretraining(
                    decoder,
                    OptimizerConfig.adam(1e-3).build(decoder.parameters()),
                    step -> TokenBatch.of(ids),
                    TokenObjective.CROSS_ENTROPY,
                    shards,
                    Rng.of(1));
            for (int i = 0; i < losses.length; i++) {
                long start = System.nanoTime();
                try (Scope s = Scope.open()) {
                    losses[i] = training.step().loss();
                }
                nanos[i] = System.nanoTime() - start;
            }
        }
    }
}
