package dev.holdfast.math.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.tensor.Rng;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class AdwinTest {
    static Stream<GoldenCase> cases() {
        return Golden.cases("40-ihomer", "adwin");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void windowsAndDetectionsAgreeWithTheReference(GoldenCase c) {
        Adwin w = new Adwin(c.number("delta"));
        double[] stream = c.vector("stream");
        List<Integer> detections = new ArrayList<>();
        List<double[]> probes = new ArrayList<>();
        var probe = c.expected("probe").elements();
        int next = probe.next().get(0).intValue();
        for (int i = 0; i < stream.length; i++) {
            if (w.add(stream[i])) {
                detections.add(i);
            }
            if (i == next) {
                probes.add(new double[] {i, w.width(), w.mean()});
                next = probe.hasNext() ? probe.next().get(0).intValue() : -1;
            }
        }
        c.assertOutput("detections", detections);
        c.assertOutput("probe", probes);
        c.assertAllCompared();
        assertThat(w.detections()).isEqualTo(detections.size());
    }

    @Test
    void saysWhichWayTheMeanWent() {
        Adwin w = new Adwin();
        step(w, 400, 0.1);
        assertThat(step(w, 200, 0.9)).isTrue();
        assertThat(w.rose()).isTrue();
        step(w, 400, 0.9);
        assertThat(step(w, 200, 0.1)).isTrue();
        assertThat(w.rose()).isFalse();
    }

    private static boolean step(Adwin w, int rows, double share) {
        Rng rng = Rng.of(7);
        boolean any = false;
        for (int i = 0; i < rows; i++) {
            any |= w.add(rng.next() < share ? 1 : 0);
        }
        return any;
    }

    @Test
    void varianceIsThatOfTheWindow() {
        Adwin w = new Adwin();
        double sum = 0;
        double squares = 0;
        Rng rng = Rng.of(3);
        for (int i = 0; i < 500; i++) {
            double x = rng.next();
            w.add(x);
            sum += x;
            squares += x * x;
        }
        assertThat(w.width()).isEqualTo(500);
        double mean = sum / 500;
        assertThat(w.variance()).isCloseTo(squares / 500 - mean * mean, org.assertj.core.data.Offset.offset(1e-12));
    }

    @Test
    void aRestoredWindowGoesOnToTheBit() {
        Adwin a = new Adwin(0.05);
        Rng rng = Rng.of(1);
        for (int i = 0; i < 777; i++) {
            a.add(rng.next());
        }
        Adwin b = Adwin.restore(0.05, a.save());
        for (int i = 0; i < 777; i++) {
            double x = rng.next() + (i > 300 ? 1 : 0);
            assertThat(b.add(x)).isEqualTo(a.add(x));
        }
        assertThat(b.save()).isEqualTo(a.save());
        assertThat(a.detections()).isPositive();
    }

    @Test
    void refusesWhatIsNoNumberAndWhatIsNoWindow() {
        assertThatThrownBy(() -> new Adwin(0)).hasMessageContaining("delta").hasMessageContaining("0.0");
        Adwin w = new Adwin();
        assertThatThrownBy(() -> w.add(Double.NaN)).hasMessageContaining("NaN");
        assertThat(w.width()).isZero();
        assertThatThrownBy(() -> Adwin.restore(0.1, new double[5])).hasMessageContaining("5 numbers");
        w.add(1);
        double[] saved = w.save();
        saved[2] = 9;
        assertThatThrownBy(() -> Adwin.restore(0.1, saved)).hasMessageContaining("buckets hold 1");
    }
}
