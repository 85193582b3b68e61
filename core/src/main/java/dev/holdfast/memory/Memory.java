package dev.holdfast.memory;

import dev.holdfast.data.Batch;
import dev.holdfast.data.DataSource;
import dev.holdfast.run.RunContext;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Stateful;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/** Rows kept for rehearsal: replay buffer, condensed set (34), generator (19 35). extras = logits, features at insertion (DER). */
public interface Memory extends Stateful {
    void offer(Batch rows, Map<String, Tensor> extras);

    Drawn draw(int n, Rng rng);

    void consolidate(DataSource finished, RunContext c);

    int size();

    long bytes();
}
