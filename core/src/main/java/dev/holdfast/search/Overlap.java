package dev.holdfast.search;

import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Whether two data sets share a class or a row. */
final class Overlap {
    private static final int ROWS_AT_ONCE = 2048;

    private Overlap() {}

    /** Refuses data to be scored on that the tuning has seen. */
    static void refuse(Bed<?> tuning, Bed<?> evaluation) {
        Set<String> shared = new TreeSet<>(names(tuning.train()));
        shared.retainAll(names(evaluation.train()));
        if (!shared.isEmpty()) {
            throw new IllegalArgumentException(
                    "The data to tune on and the data to score on share " + shared.size()
                            + " classes: " + String.join(", ", shared) + "; expected none."
                            + "\nMaybe allow the overlap, if equal names mean other classes, or for the conventional protocol.");
        }
        Set<Long> seen = new HashSet<>();
        for (Dataset d : List.of(tuning.train(), tuning.test())) {
            for (long h : hashes(d)) {
                seen.add(h);
            }
        }
        for (Dataset d : List.of(evaluation.train(), evaluation.test())) {
            long[] h = hashes(d);
            for (int i = 0; i < h.length; i++) {
                if (seen.contains(h[i])) {
                    throw new IllegalArgumentException("Row " + d.id(i)
                            + " of the data to score on is also among the rows to tune on; expected no row of one in the"
                            + " other.\nMaybe allow the overlap, which makes it the conventional protocol.");
                }
            }
        }
    }

    private static Set<String> names(Dataset d) {
        Set<String> names = new HashSet<>();
        d.schema().classes().columns().forEach(c -> names.add(c.name()));
        return names;
    }

    /** A hash of every row's inputs: the bits of its numbers times fixed random numbers, modulo 2^64. */
    private static long[] hashes(Dataset d) {
        long[] all = new long[Math.toIntExact(d.size())];
        for (int from = 0; from < all.length; from += ROWS_AT_ONCE) {
            try (Scope s = Scope.open()) {
                int to = Math.min(all.length, from + ROWS_AT_ONCE);
                Inputs in = d.rows(IntStream.range(from, to).toArray()).inputs();
                for (String field : in.fields()) {
                    long[] h = in.holds(field) == Inputs.Form.TEXT
                            ? in.text(field).stream().mapToLong(Overlap::hash).toArray()
                            : hashes(in.tensor(field));
                    for (int i = from; i < to; i++) {
                        all[i] = 31 * all[i] + h[i - from];
                    }
                }
            }
        }
        return all;
    }

    private static long hash(String text) {
        return text.chars().asLongStream().reduce(7, (h, c) -> 0x9E3779B97F4A7C15L * (h ^ c));
    }

    private static long[] hashes(Tensor x) {
        Tensor rows = x.reshape(x.size(0), -1).contiguous();
        Tensor bits =
                switch (rows.scalar_type().intern()) {
                    case Float -> rows.view(ScalarType.Int).to(ScalarType.Long);
                    case Double -> rows.view(ScalarType.Long);
                    case Byte, Char, Short, Int, Long, Bool -> rows.to(ScalarType.Long);
                    default -> rows.to(ScalarType.Float).view(ScalarType.Int).to(ScalarType.Long);
                };
        Rng rng = Rng.of(47).child("hash");
        int[] factors = IntStream.range(0, (int) rows.size(1))
                .map(i -> rng.nextInt() | 1)
                .toArray();
        return Tensors.longs(bits.mul(Tensors.ids(factors)).sum(1));
    }
}
