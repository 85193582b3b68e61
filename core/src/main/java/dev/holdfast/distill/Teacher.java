package dev.holdfast.distill;

import dev.holdfast.data.Batch;

/** Frozen copy (LwF, 36, 62), stored outputs (23 57 60), averaged peer (28), queried and counted (65). */
public interface Teacher {
    Outputs ask(Batch b);
}
