package dev.holdfast.memory;

import dev.holdfast.config.Frozen;
import dev.holdfast.data.Batch;
import dev.holdfast.data.DataSource;
import dev.holdfast.run.RunContext;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Stateful;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/** Rows kept for rehearsal: a replay buffer, a condensed set, a generator. One writer; not safe for several threads. */
@Frozen
public interface Memory extends Stateful {
    /**
     * Offers rows in the order in which they arrived; the memory copies what it keeps.
     *
     * @param extras further rows to store with them by name, each [n, ...]: logits at insertion, features
     */
    void offer(Batch rows, Map<String, Tensor> extras);

    /** At most n stored rows in the caller's scope; fewer when fewer are stored, none when the memory is empty. */
    Drawn draw(int n, Rng rng);

    /** Called when a part of the stream is finished, by memories that choose at leisure; most do nothing. */
    default void consolidate(DataSource finished, RunContext c) {}

    /** Rows stored. */
    int size();

    /** Bytes held for stored rows. */
    long bytes();
}
