package dev.holdfast.language;

import dev.holdfast.nn.Pass;
import dev.holdfast.nn.lm.Decoder;
import dev.holdfast.nn.lm.KvCache;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * Lets a decoder write: prompts are padded on the left and read once, then every step adds one token to each row that
 * has not ended. A row draws from a stream of its own, keyed by its number and the step, so that what it writes does not
 * depend on which rows are written with it.
 *
 * @param decoder that writes; it is only read
 * @param sampling how tokens are drawn
 * @param end ids that end a row
 * @param pad id that fills rows that have ended
 * @param cached true keeps keys and values of what was read; false reads everything again at every token, which gives the
 *     same tokens up to rounding and is there to check and to measure
 */
public record TextGenerator(Decoder decoder, Sampling sampling, List<Integer> end, int pad, boolean cached) {
    public TextGenerator {
        end = List.copyOf(end);
    }

    /** With a cache. */
    public TextGenerator(Decoder decoder, Sampling sampling, List<Integer> end, int pad) {
        this(decoder, sampling, end, pad, true);
    }

    /** As {@link #write(List, int[], int, Rng)} with rows numbered from 0. */
    public Completions write(List<int[]> prompts, int most, Rng rng) {
        int[] rows = new int[prompts.size()];
        Arrays.setAll(rows, i -> i);
        return write(prompts, rows, most, rng);
    }

    /**
     * Continues prompts.
     *
     * @param prompts ids, none empty
     * @param rows number of every prompt: equal numbers draw equal uniforms
     * @param most tokens at most
     * @throws IllegalArgumentException if a prompt is empty, or prompt and completion do not fit into the model's context
     * @throws IllegalStateException if logits are not numbers, naming the step
     */
    public Completions write(List<int[]> prompts, int[] rows, int most, Rng rng) {
        requireFit(prompts, rows, most);
        int n = prompts.size();
        int[][] made = new int[n][most];
        for (int[] row : made) {
            Arrays.fill(row, pad);
        }
        int[] live = new int[n];
        Arrays.setAll(live, i -> i);
        if (n == 0 || most == 0) {
            return Completions.of(made, ends());
        }
        int longest = prompts.stream().mapToInt(p -> p.length).max().orElseThrow();
        try (Scope all = Scope.open();
                KvCache cache = cached ? cache(prompts, longest, most) : null) {
            int[][] next = padded(prompts, longest);
            for (int step = 0; step < most && live.length > 0; step++) {
                try (Scope s = Scope.open()) {
                    Tensor logits =
                            cached ? decoder.next(tensor(next), cache, Pass.eval()) : reread(prompts, live, made, step);
                    int[] ids = draw(logits, live, rows, step, rng);
                    int[] going = new int[live.length];
                    int count = 0;
                    for (int i = 0; i < live.length; i++) {
                        made[live[i]][step] = ids[i];
                        if (!end.contains(ids[i])) {
                            going[count++] = i;
                        }
                    }
                    going = Arrays.copyOf(going, count);
                    if (cached && count > 0 && count < live.length) {
                        cache.keep(going);
                    }
                    next = new int[count][];
                    int[] left = new int[count];
                    for (int i = 0; i < count; i++) {
                        left[i] = live[going[i]];
                        next[i] = new int[] {ids[going[i]]};
                    }
                    live = left;
                }
            }
        }
        return Completions.of(made, ends());
    }

    private int[] draw(Tensor logits, int[] live, int[] rows, int step, Rng rng) {
        // a NaN or an infinity in a row makes its sum one
        if (!Tensors.finite(logits)) {
            throw new IllegalStateException(
                    "The logits of generation step " + step + " are not finite.\nMaybe the model blew up in training.");
        }
        double[] u = new double[sampling.temperature() == 0 ? 0 : live.length];
        for (int i = 0; i < u.length; i++) {
            u[i] = rng.child("token", rows[live[i]], step).next();
        }
        return Tensors.ints(sampling.draw(logits, u).ids());
    }

    private Tensor reread(List<int[]> prompts, int[] live, int[][] made, int step) {
        List<int[]> texts = Arrays.stream(live)
                .mapToObj(i -> {
                    int[] p = prompts.get(i);
                    int[] all = Arrays.copyOf(p, p.length + step);
                    System.arraycopy(made[i], 0, all, p.length, step);
                    return all;
                })
                .toList();
        int longest = texts.stream().mapToInt(p -> p.length).max().orElseThrow();
        Tensor mask = mask(texts, longest);
        Pass pass = mask == null ? Pass.eval() : Pass.eval().withMask(mask);
        try (var mode = Autograd.noGrad()) {
            return decoder.forward(tensor(padded(texts, longest)), pass).select(1, -1);
        }
    }

    private KvCache cache(List<int[]> prompts, int longest, int most) {
        return new KvCache(decoder.config(), prompts.size(), mask(prompts, longest), longest + most, decoder.dtype());
    }

    private void requireFit(List<int[]> prompts, int[] rows, int most) {
        if (rows.length != prompts.size()) {
            throw new IllegalArgumentException(
                    "There are " + prompts.size() + " prompts but " + rows.length + " row numbers.");
        }
        if (most < 0) {
            throw new IllegalArgumentException("A completion has at least 0 tokens, not " + most + ".");
        }
        for (int i = 0; i < prompts.size(); i++) {
            if (prompts.get(i).length == 0) {
                throw new IllegalArgumentException(
                        "Prompt " + i + " is empty.\nMaybe it is to start with the begin token.");
            }
            // the last token that is drawn is not read any more
            if (prompts.get(i).length + most - 1 > decoder.config().context()) {
                throw new IllegalArgumentException(
                        "Prompt " + i + " of " + prompts.get(i).length + " tokens leaves no room"
                                + " for " + most + " more: the model has "
                                + decoder.config().context() + " positions.");
            }
        }
    }

    /** 1 = token, 0 = padding, [B,longest]; null if nothing is padded. */
    private static Tensor mask(List<int[]> texts, int longest) {
        if (texts.stream().allMatch(p -> p.length == longest)) {
            return null;
        }
        long[] m = new long[texts.size() * longest];
        for (int i = 0; i < texts.size(); i++) {
            Arrays.fill(m, (i + 1) * longest - texts.get(i).length, (i + 1) * longest, 1);
        }
        return Tensors.of(m, texts.size(), longest);
    }

    private int[][] padded(List<int[]> texts, int longest) {
        int[][] all = new int[texts.size()][longest];
        for (int i = 0; i < all.length; i++) {
            int[] p = texts.get(i);
            Arrays.fill(all[i], pad);
            System.arraycopy(p, 0, all[i], longest - p.length, p.length);
        }
        return all;
    }

    private static Tensor tensor(int[][] ids) {
        return Tensors.of(
                Arrays.stream(ids).flatMapToInt(Arrays::stream).asLongStream().toArray(), ids.length, ids[0].length);
    }

    private int[] ends() {
        return end.stream().mapToInt(Integer::intValue).toArray();
    }
}
