package dev.holdfast.studies.training;

import dev.holdfast.language.TaskFamily;
import dev.holdfast.study.StudyContext;
import dev.holdfast.study.StudyContext.Budget;
import dev.holdfast.tensor.Rng;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Bytes that small language models are trained on: Moby Dick, of which the last tenth is held out. The smallest budget, which
 * must run without any files, makes do with problems one below the other.
 *
 * @param train ids 0 to 255
 * @param held the same, not trained on
 */
record StudyText(int[] train, int[] held) {
    private static final int PROBLEMS = 2000;

    static StudyText of(StudyContext c) {
        byte[] all = c.budget() == Budget.SMOKE ? problems() : c.text("text/moby-dick.txt.gz");
        int[] ids = new int[all.length];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = Byte.toUnsignedInt(all[i]);
        }
        int cut = ids.length / 10 * 9;
        return new StudyText(Arrays.copyOf(ids, cut), Arrays.copyOfRange(ids, cut, ids.length));
    }

    private static byte[] problems() {
        StringBuilder s = new StringBuilder();
        for (int i = 0; i < PROBLEMS; i++) {
            Rng rng = Rng.of(3).child("problem", i);
            s.append(TaskFamily.COPY.draw(2 + rng.below(6), rng).prompt()).append('\n');
        }
        return s.toString().getBytes(StandardCharsets.US_ASCII);
    }
}
