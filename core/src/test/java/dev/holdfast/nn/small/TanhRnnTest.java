package dev.holdfast.nn.small;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.synth.SequenceTasks;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;

class TanhRnnTest {
    /** The recurrence written out number by number. */
    @Test
    void runsOverTheSequenceLayerByLayer() {
        try (Scope s = Scope.open()) {
            TanhRnn rnn = TanhRnn.of(5, 3, 2, Rng.of(1), ScalarType.Double);
            rnn.parameters().get("b1").detach().fill_(Tensors.scalar(0.1));
            int[] ids = {4, 0, 2, 2};
            double[][] x = new double[4][];
            double[][] table = Tensors.rows(rnn.parameters().get("embedding").detach());
            for (int t = 0; t < 4; t++) {
                x[t] = table[ids[t]];
            }
            for (int l = 0; l < 2; l++) {
                double[][] w = Tensors.rows(rnn.parameters().get("w" + l).detach());
                double[][] u = Tensors.rows(rnn.parameters().get("u" + l).detach());
                double b = 0.1 * l;
                double[] h = new double[3];
                double[][] next = new double[4][];
                for (int t = 0; t < 4; t++) {
                    double[] now = new double[3];
                    for (int i = 0; i < 3; i++) {
                        double a = b;
                        for (int j = 0; j < 3; j++) {
                            a += w[i][j] * x[t][j] + u[i][j] * h[j];
                        }
                        now[i] = Math.tanh(a);
                    }
                    h = now;
                    next[t] = now;
                }
                x = next;
            }
            double[] largest = new double[3];
            for (int i = 0; i < 3; i++) {
                int unit = i;
                largest[i] = Arrays.stream(x).mapToDouble(r -> r[unit]).max().orElseThrow();
            }
            assertThat(Tensors.doubles(rnn.features(Tensors.ids(ids).unsqueeze(0))))
                    .containsExactly(largest, within(1e-12));
        }
    }

    /** Answers depend on which kinds occur and on nothing else; both classes occur. */
    @Test
    void tasksShareASecret() {
        try (Scope s = Scope.open()) {
            SequenceTasks.World world = new SequenceTasks.World(12, 3, 4);
            SequenceTasks a = world.draw(3, 40, Rng.of(1), Rng.of(2));
            SequenceTasks again = world.draw(3, 40, Rng.of(1), Rng.of(2));
            assertThat(Tensors.longs(a.query())).containsExactly(Tensors.longs(again.query()));
            assertThat(Tensors.longs(a.queryLabels())).containsExactly(Tensors.longs(again.queryLabels()));
            long ones = Arrays.stream(Tensors.longs(a.supportLabels())).sum();
            assertThat(ones).isBetween(10L, 110L);
            int[] order = Rng.of(1).child("kinds").permutation(12);
            long[] answer = new long[8];
            Arrays.fill(answer, -1);
            long[] ids = Tensors.longs(a.support().select(0, 0));
            long[] labels = Tensors.longs(a.supportLabels().select(0, 0));
            for (int i = 0; i < 40; i++) {
                int set = 0;
                for (int t = 0; t < 4; t++) {
                    set |= 1 << order[(int) ids[4 * i + t]] % 3;
                }
                assertThat(answer[set]).isIn(-1L, labels[i]);
                answer[set] = labels[i];
            }
        }
    }
}
