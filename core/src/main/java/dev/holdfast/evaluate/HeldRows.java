package dev.holdfast.evaluate;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Target;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Some rows of a data set that are looked at again and again. Few are read once and kept, since reading may mean turning
 * images; many are read every time.
 */
final class HeldRows {
    private static final long MOST_BYTES = 32L << 20;

    private final Dataset data;
    private final int[] positions;
    private List<Batch> kept;

    HeldRows(Dataset data, int... positions) {
        this.data = data;
        this.positions = positions;
    }

    /** The rows in chunks; those that are not kept belong to the caller's scope. */
    List<Batch> chunks() {
        if (kept != null) {
            return kept;
        }
        List<Batch> chunks = new ArrayList<>();
        for (int from = 0; from < positions.length; from += Accuracy.CHUNK) {
            chunks.add(
                    data.rows(Arrays.copyOfRange(positions, from, Math.min(positions.length, from + Accuracy.CHUNK))));
        }
        if (chunks.stream().mapToLong(HeldRows::bytes).sum() <= MOST_BYTES) {
            kept = chunks.stream().map(HeldRows::own).toList();
        }
        return chunks;
    }

    private static long bytes(Batch b) {
        return b.inputs().fields().stream()
                .filter(f -> b.inputs().holds(f) == Inputs.Form.TENSOR)
                .mapToLong(f -> b.inputs().tensor(f).nbytes())
                .sum();
    }

    private static Batch own(Batch b) {
        Map<String, Object> fields = new LinkedHashMap<>();
        for (String f : b.inputs().fields()) {
            fields.put(
                    f,
                    switch (b.inputs().holds(f)) {
                        case TENSOR -> Scope.own(Tensors.copy(b.inputs().tensor(f)));
                        case ARRAY -> b.inputs().array(f);
                        case TEXT -> b.inputs().text(f);
                    });
        }
        Target target = b.target();
        if (target instanceof Target.ClassIds c) {
            target = new Target.ClassIds(Scope.own(Tensors.copy(c.ids())));
        } else if (target instanceof Target.MultiLabel m) {
            target = new Target.MultiLabel(
                    Scope.own(Tensors.copy(m.y())), m.known() == null ? null : Scope.own(Tensors.copy(m.known())));
        }
        return new Batch(Inputs.of(fields), target, b.rows(), b.task(), b.domain(), b.time(), b.group());
    }
}
