package dev.holdfast.math;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class PhiloxTest {
    static Stream<GoldenCase> cases() {
        return Golden.cases("53-one-byte", "philox4x32-10");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void agreesWithTheKnownAnswers(GoldenCase c) {
        List<long[]> words = new ArrayList<>();
        for (int i = 0; i < c.input("key").size(); i++) {
            JsonNode k = c.input("key").get(i);
            JsonNode n = c.input("counter").get(i);
            int[] out = new int[4];
            Philox.block(word(k, 0), word(k, 1), word(n, 0), word(n, 1), word(n, 2), word(n, 3), out);
            words.add(java.util.Arrays.stream(out)
                    .mapToLong(Integer::toUnsignedLong)
                    .toArray());
        }
        c.assertOutput("words", words);
        c.assertAllCompared();
    }

    @Test
    void theTwoFormsOfABlockAgree() {
        int[] a = new int[4];
        int[] b = new int[4];
        Philox.block(0x1234_5678_9ABC_DEF0L, 7L << 32 | 3, a);
        Philox.block(0x9ABC_DEF0, 0x1234_5678, 3, 7, 0, 0, b);
        assertThat(a).containsExactly(b);
    }

    @Test
    void boxMullerKeepsToItsFormulaAtTheEnds() {
        double[] z = new double[2];
        Philox.boxMuller(-1, 0, z, 0);
        // u1 = 1, u2 = 0
        assertThat(z[0]).isZero();
        assertThat(z[1]).isZero();
        Philox.boxMuller(0, 0, z, 0);
        assertThat(z[0]).isEqualTo(StrictMath.sqrt(-2 * StrictMath.log(0x1p-24)));
        assertThat(z[1]).isZero();
    }

    private static int word(JsonNode list, int i) {
        return (int) list.get(i).longValue();
    }
}
