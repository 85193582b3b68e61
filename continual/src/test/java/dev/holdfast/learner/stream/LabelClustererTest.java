package dev.holdfast.learner.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.holdfast.learner.stream.LabelClusterer.MergeRule;
import dev.holdfast.learner.stream.part.NumberReader;
import dev.holdfast.learner.stream.part.NumberWriter;
import dev.holdfast.tensor.Rng;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class LabelClustererTest {
    static Stream<GoldenCase> cases() {
        return Golden.cases("40-ihomer", "label-clusterer");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void eventsAndPartitions(GoldenCase c) {
        JsonNode rows = c.input("labels");
        int labels = rows.get(0).asText().length();
        LabelClusterer clusterer = new LabelClusterer(
                new LabelClusterer.Config(
                        c.number("delta"), c.number("tau"), c.integer("n_min"), MergeRule.ODAC, false, 0),
                labels);
        List<Map<String, Object>> events = new ArrayList<>();
        List<Object> partitions = new ArrayList<>();
        for (int i = 0; i < rows.size(); i++) {
            int[] set = bits(rows.get(i).asText());
            clusterer.add(set, set.length);
            if ((i + 1) % c.integer("n_min") == 0) {
                clusterer.events().forEach(e -> events.add(described(e)));
                partitions.add(List.of(i + 1, clusterer.partition()));
            }
        }
        c.assertOutput("events", events);
        c.assertOutput("partitions", partitions);
        c.assertAllCompared();
    }

    private static Map<String, Object> described(LabelClusterer.Event e) {
        Map<String, Object> m = new LinkedHashMap<>();
        m.put("t", e.row());
        m.put("type", e.split() ? "split" : "merge");
        m.put("labels", e.labels());
        if (e.split()) {
            m.put("pivots", e.pivots());
            m.put("left", e.left());
            m.put("right", e.right());
            m.put("d0", e.d0());
            m.put("d1", e.d1());
            m.put("d2", e.d2());
            m.put("avg", e.mean());
            m.put("eps", e.eps());
        } else {
            m.put("d1_child", e.d1());
            m.put("d1_parent", e.d2());
        }
        return m;
    }

    private static int[] bits(String s) {
        boolean[] b = new boolean[s.length()];
        for (int i = 0; i < b.length; i++) {
            b[i] = s.charAt(i) == '1';
        }
        return StreamFixture.set(b);
    }

    /** Rows whose labels come in groups that change now and then. */
    private static int[][] stream(long seed, int labels, int rows) {
        Rng rng = Rng.of(seed);
        int[][] y = new int[rows][];
        int[] group = new int[labels];
        for (int i = 0; i < rows; i++) {
            if (i % 300 == 0) {
                Arrays.setAll(group, l -> rng.below(3));
            }
            int topic = rng.below(3);
            boolean[] bits = new boolean[labels];
            for (int l = 0; l < labels; l++) {
                bits[l] = rng.next() < (group[l] == topic ? 0.8 : 0.05);
            }
            y[i] = StreamFixture.set(bits);
        }
        return y;
    }

    @Property(tries = 40)
    void thePartitionIsAlwaysDisjointAndComplete(
            @ForAll long seed,
            @ForAll @IntRange(min = 1, max = 12) int labels,
            @ForAll MergeRule rule,
            @ForAll boolean refine,
            @ForAll @IntRange(max = 5) int maxSize) {
        LabelClusterer c = new LabelClusterer(new LabelClusterer.Config(0.9, 0.1, 20, rule, refine, maxSize), labels);
        Rng resets = Rng.of(seed).child("resets");
        for (int[] set : stream(seed, labels, 900)) {
            c.add(set, set.length);
            if (resets.next() < 0.01) {
                c.reset();
            }
            if (resets.next() < 0.01) {
                c.reset(new int[] {resets.below(labels)});
            }
            assertThat(Arrays.stream(c.partition()).flatMapToInt(Arrays::stream).sorted())
                    .as("partition")
                    .hasSize(labels)
                    .doesNotHaveDuplicates();
            assertThat(Arrays.stream(c.leaves()).flatMapToInt(Arrays::stream).sorted())
                    .as("leaves")
                    .hasSize(labels)
                    .doesNotHaveDuplicates();
        }
    }

    @Test
    void neverLookingNeverSplits() {
        LabelClusterer c =
                new LabelClusterer(new LabelClusterer.Config(0.9, 0.1, Integer.MAX_VALUE, MergeRule.BOTH, true, 0), 9);
        for (int[] set : stream(1, 9, 3000)) {
            assertThat(c.add(set, set.length)).isFalse();
        }
        assertThat(c.partition()).hasDimensions(1, 9);
    }

    @Test
    void permutedLabelsGiveThePermutedPartition() {
        int[] to = {4, 0, 7, 2, 8, 1, 6, 3, 5};
        LabelClusterer plain =
                new LabelClusterer(LabelClusterer.Config.defaults().withDelta(0.5), 9);
        LabelClusterer permuted =
                new LabelClusterer(LabelClusterer.Config.defaults().withDelta(0.5), 9);
        int splits = 0;
        for (int[] set : stream(11, 9, 290)) {
            plain.add(set, set.length);
            int[] other = Arrays.stream(set).map(l -> to[l]).sorted().toArray();
            permuted.add(other, other.length);
            splits += plain.partition().length;
            assertThat(sorted(permuted.partition(), l -> l)).isEqualTo(sorted(plain.partition(), l -> to[l]));
        }
        assertThat(splits).as("there was something to compare").isGreaterThan(290);
    }

    private static List<List<Integer>> sorted(int[][] groups, java.util.function.IntUnaryOperator name) {
        return Arrays.stream(groups)
                .map(g -> Arrays.stream(g).map(name).sorted().boxed().toList())
                .sorted(java.util.Comparator.comparing(g -> g.get(0)))
                .toList();
    }

    @ParameterizedTest
    @EnumSource(MergeRule.class)
    void aRestoredClustererGoesOnToTheBit(MergeRule rule) {
        LabelClusterer.Config config = new LabelClusterer.Config(0.9, 0.1, 50, rule, true, 0);
        int[][] y = stream(3, 8, 2000);
        LabelClusterer whole = new LabelClusterer(config, 8);
        LabelClusterer resumed = whole;
        for (int i = 0; i < y.length; i++) {
            whole.add(y[i], y[i].length);
            if (i % 333 == 0) {
                LabelClusterer fresh = new LabelClusterer(config, 8);
                NumberReader r = new NumberReader(saved(whole));
                fresh.restore(r, 8);
                r.end();
                resumed = fresh;
            } else if (resumed != whole) {
                resumed.add(y[i], y[i].length);
            }
            assertThat(saved(resumed)).isEqualTo(saved(whole));
        }
    }

    private static double[] saved(LabelClusterer c) {
        NumberWriter w = new NumberWriter();
        c.save(w);
        return w.toArray();
    }

    @Test
    void lostSeparationMergesWhatTheRuleOfOdacCannot() {
        // two blocks, then one: dissimilarity across falls, but no pair inside becomes more unlike
        Rng rng = Rng.of(2);
        List<int[]> rows = new ArrayList<>();
        for (int i = 0; i < 3000; i++) {
            boolean first = rng.next() < 0.5;
            boolean mixed = i >= 1000;
            boolean[] bits = new boolean[6];
            for (int l = 0; l < 6; l++) {
                boolean likely = mixed ? (l % 2 == 0) == first : (l < 3) == first;
                bits[l] = rng.next() < (likely ? 0.9 : 0.05);
            }
            rows.add(StreamFixture.set(bits));
        }
        assertThat(merges(rows, MergeRule.SEPARATION)).isPositive();
        assertThat(merges(rows, MergeRule.BOTH)).isGreaterThanOrEqualTo(merges(rows, MergeRule.ODAC));
    }

    private static int merges(List<int[]> rows, MergeRule rule) {
        LabelClusterer c = new LabelClusterer(new LabelClusterer.Config(0.1, 0.05, 100, rule, false, 0), 6);
        int merges = 0;
        for (int i = 0; i < rows.size(); i++) {
            c.add(rows.get(i), rows.get(i).length);
            merges += (i + 1) % 100 == 0
                    ? (int) c.events().stream().filter(e -> !e.split()).count()
                    : 0;
        }
        return merges;
    }

    @Test
    void undersizedClustersJoinOthersUpToTheLargestSize() {
        for (int maxSize : new int[] {0, 4}) {
            LabelClusterer c =
                    new LabelClusterer(new LabelClusterer.Config(0.9, 0.1, 100, MergeRule.ODAC, true, maxSize), 9);
            for (int[] set : stream(4, 9, 290)) {
                c.add(set, set.length);
            }
            int most = maxSize == 0 ? 9 : Math.max(maxSize, largest(c.leaves()));
            assertThat(List.of(c.partition()))
                    .allSatisfy(g -> assertThat(g.length).isLessThanOrEqualTo(most));
            assertThat(c.partition().length).isLessThanOrEqualTo(c.leaves().length);
        }
    }

    private static int largest(int[][] groups) {
        return Arrays.stream(groups).mapToInt(g -> g.length).max().orElseThrow();
    }

    @Test
    void configurationsAreChecked() {
        assertThatThrownBy(() -> new LabelClusterer.Config(1, 0.1, 100, MergeRule.BOTH, true, 0))
                .hasMessageContaining("delta")
                .hasMessageContaining("1.0");
        assertThatThrownBy(() -> new LabelClusterer.Config(0.5, 0.1, 0, MergeRule.BOTH, true, 0))
                .hasMessageContaining("nMin");
    }
}
