package dev.holdfast.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.nn.small.RiverValley;
import dev.holdfast.optim.schedule.CheckpointMethod;
import dev.holdfast.optim.schedule.CyclicCosine;
import dev.holdfast.optim.schedule.StableDecay;
import dev.holdfast.optim.schedule.StableDecay.DecayOf;
import dev.holdfast.optim.schedule.StableDecay.Shape;
import dev.holdfast.tensor.Rng;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class StableDecayTest {
    private static StableDecay any(
            int warm, List<Integer> lengths, int rewarm, double share, double floor, Shape shape) {
        List<Long> ends = new ArrayList<>();
        List<Long> decays = new ArrayList<>();
        long at = warm;
        for (int n : lengths) {
            // room for the rise, one stable update and the fall
            at += n + rewarm + 1;
            ends.add(at);
            decays.add((long) (share * n));
        }
        return new StableDecay(warm, ends, decays, floor, shape, rewarm);
    }

    /** The last rate of a fall is the floor to the bit; no rate after the warm-up is outside [floor, 1]. */
    @Property(tries = 200)
    void ratesStayBetweenFloorAndPeak(
            @ForAll @IntRange(max = 20) int warm,
            @ForAll @Size(min = 1, max = 4) List<@IntRange(min = 1, max = 40) Integer> lengths,
            @ForAll @IntRange(max = 5) int rewarm,
            @ForAll @DoubleRange(min = 0, max = 1) double share,
            @ForAll @DoubleRange(min = 0.01, max = 1) double floor,
            @ForAll Shape shape) {
        StableDecay d = any(warm, lengths, rewarm, share, floor, shape);
        long last = d.ends().get(d.ends().size() - 1);
        for (long t = 0; t < last; t++) {
            assertThat(d.at(t)).isBetween(t < warm ? 0.0 : floor * (1 - 1e-12), 1.0 + 1e-12);
        }
        double stable = 0;
        long updates = 0;
        for (int k = 0; k < d.ends().size(); k++) {
            long end = d.ends().get(k);
            long decay = d.decays().get(k);
            if (decay > 0) {
                assertThat(d.at(end - 1)).isEqualTo(floor);
                // from the plateau the rate goes down by one increment of the fall, not by a jump
                double first = d.at(end - decay);
                assertThat(d.at(end - decay - 1)).isBetween(first, 1.0 + 1e-12);
                assertThat(first).isEqualTo(shape.at(1.0 / decay, floor));
            }
            assertThat(d.phase(end - 1)).isEqualTo(decay > 0 ? "decay" : d.at(end - 1) == 1 ? "stable" : "rewarm");
        }
        for (long t = 0; t < last; t++) {
            if (d.phase(t).equals("stable")) {
                stable += d.at(t);
                updates++;
            }
        }
        assertThat(stable).isEqualTo(updates);
        assertThat(d.at(last)).isEqualTo(1);
        assertThat(d.at(last + 1_000_000)).isEqualTo(1);
        assertThat(d.segment(last)).isEqualTo(d.ends().size());
    }

    /** One over the inverse shape rises evenly. */
    @Property(tries = 50)
    void theInverseShapeIsEvenInOneOverTheRate(
            @ForAll @IntRange(min = 3, max = 200) int decay, @ForAll @DoubleRange(min = 0.01, max = 0.9) double floor) {
        StableDecay d = StableDecay.once(0, decay + 5, decay, floor, Shape.INVERSE);
        double step = (1 / floor - 1) / decay;
        for (long t = 5; t < decay + 4; t++) {
            assertThat(1 / d.at(t + 1) - 1 / d.at(t)).isCloseTo(step, within(1e-9 * step + 1e-10));
        }
    }

    /** With one checkpoint WSD-S is WSD; each branch lives through the trunk and its own fall. */
    @Property(tries = 50)
    void branchesFollowTheTrunk(
            @ForAll @IntRange(max = 10) int warm,
            @ForAll @Size(min = 1, max = 3) List<@IntRange(min = 2, max = 30) Integer> lengths,
            @ForAll Shape shape) {
        StableDecay d = any(warm, lengths, 0, 0.4, 0.1, shape);
        List<StableDecay.Branch> branches = d.branches();
        long cost = 0;
        for (int k = 0; k < branches.size(); k++) {
            StableDecay.Branch b = branches.get(k);
            StableDecay alone = d.branch(k);
            assertThat(LongStream.range(0, b.from()).mapToDouble(alone::at).toArray())
                    .isEqualTo(LongStream.range(0, b.from())
                            .mapToDouble(d.trunk()::at)
                            .toArray());
            assertThat(LongStream.range(b.from(), d.ends().get(k))
                            .mapToObj(alone::at)
                            .toList())
                    .isEqualTo(b.factors());
            cost += b.factors().size();
        }
        assertThat(LongStream.range(0, d.ends().get(0)).mapToDouble(d::at).toArray())
                .isEqualTo(LongStream.range(0, d.ends().get(0))
                        .mapToDouble(d.branch(0)::at)
                        .toArray());
        long trunk = branches.get(branches.size() - 1).from();
        assertThat(CheckpointMethod.WSD.updates(d)).isEqualTo(trunk + cost);
    }

    @Test
    void costsAreCounted() {
        StableDecay d = StableDecay.of(30, List.of(300L, 600L, 1200L), 0.1, DecayOf.SEGMENT, 0.1, Shape.INVERSE);
        assertThat(d.decays()).containsExactly(30L, 30L, 60L);
        assertThat(CheckpointMethod.WSD_S.updates(d)).isEqualTo(1200);
        assertThat(CheckpointMethod.WSD.updates(d)).isEqualTo(1200 - 60 + 120);
        assertThat(CheckpointMethod.CYCLIC_COSINE.updates(d)).isEqualTo(1200);
        assertThat(CheckpointMethod.COSINE.updates(d)).isEqualTo(2100);
        assertThat(StableDecay.of(30, List.of(300L, 600L, 1200L), 0.1, DecayOf.TOTAL, 0.1, Shape.LINEAR)
                        .decays())
                .containsExactly(30L, 60L, 120L);
        assertThat(CheckpointMethod.COSINE.schedule(d, 1)).isEqualTo(new CyclicCosine(30, List.of(600L), 0.1));
        assertThat(CheckpointMethod.WSD_S.schedule(d, 2)).isSameAs(d);
    }

    /** D = 0 does not fall, D = 1 is at the floor at once, and there is nothing to rise from where nothing fell. */
    @Test
    void shortestFalls() {
        StableDecay d = new StableDecay(2, List.of(5L, 10L, 20L), List.of(0L, 1L, 2L), 0, Shape.LINEAR, 3);
        assertThat(LongStream.range(0, 21).mapToDouble(d::at).toArray())
                .containsExactly(
                        new double[] {0.5, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1 / 3.0, 2 / 3.0, 1, 1, 1, 1, 1, 1, 0.5, 0, 1},
                        within(1e-15));
        assertThat(IntStream.range(0, 21).mapToObj(d::phase).toList())
                .containsExactly(
                        "warm-up", "warm-up", "stable", "stable", "stable", "stable", "stable", "stable", "stable",
                        "decay", "rewarm", "rewarm", "rewarm", "stable", "stable", "stable", "stable", "stable",
                        "decay", "decay", "stable");
        CyclicCosine c = new CyclicCosine(2, List.of(6L, 10L), 0.1);
        assertThat(List.of(c.phase(0), c.phase(2), c.phase(9), c.phase(10)))
                .containsExactly("warm-up", "cosine", "cosine", "floor");
    }

    /** 20 000 chains in a quadratic valley have the variance that theory says, while the rate is held and while it falls. */
    @Test
    void momentsOfAQuadraticValleyAreThoseOfManyChains() {
        RiverValley v = new RiverValley(4, 0.5, 0, 1);
        int chains = 20_000;
        StableDecay d = StableDecay.once(0, 60, 20, 0.05, Shape.INVERSE);
        double[] x = new double[chains];
        double[] y = new double[chains];
        Rng rng = Rng.of(16);
        double variance = 0;
        double rates = 0;
        for (int t = 0; t < 60; t++) {
            double rate = 0.3 * d.at(t);
            rates += rate;
            variance = v.nextVariance(variance, rate, 1);
            double hill = 0;
            double river = 0;
            for (int i = 0; i < chains; i++) {
                double[] at = v.step(x[i], y[i], rate, 0, rng.nextGaussian());
                x[i] = at[0];
                y[i] = at[1];
                hill += v.hill(at[0], at[1]) / chains;
                river += at[0] / chains;
            }
            double expected = 2 * variance;
            assertThat(hill).isCloseTo(expected, within(4 * expected * Math.sqrt(2.0 / chains)));
            assertThat(river).isCloseTo(0.5 * rates, within(1e-9));
        }
        assertThat(v.stationaryVariance(0.3, 1)).isCloseTo(0.3 / (4 * (2 - 1.2)), within(1e-15));
        assertThat(new RiverValley().stationaryVariance(0.6, 1)).isInfinite();
    }

    @Test
    void segmentsThatDoNotFitAreRefused() {
        assertThatThrownBy(() -> StableDecay.once(5, 10, 5, 0.1, Shape.LINEAR))
                .hasMessageContaining("Segment 0")
                .hasMessageContaining("0 to 4");
        assertThatThrownBy(() -> new StableDecay(0, List.of(5L, 5L), List.of(1L, 1L), 0.1, Shape.LINEAR, 0))
                .hasMessageContaining("segment 1");
        assertThatThrownBy(() -> new StableDecay(0, List.of(5L, 10L), List.of(1L, 3L), 0.1, Shape.LINEAR, 2))
                .hasMessageContaining("Segment 1")
                .hasMessageContaining("0 to 2");
        assertThatThrownBy(() -> StableDecay.once(0, 10, 1, 0, Shape.INVERSE)).hasMessageContaining("floor > 0");
        assertThatThrownBy(() -> StableDecay.once(0, 10, 1, 0, Shape.EXPONENTIAL))
                .hasMessageContaining("floor > 0");
        assertThatThrownBy(() -> StableDecay.once(0, 10, 1, 1.5, Shape.LINEAR)).hasMessageContaining("1.5");
        assertThatThrownBy(() -> new StableDecay(0, List.of(5L), List.of(), 0.1, Shape.LINEAR, 0))
                .hasMessageContaining("0 falls");
        assertThatThrownBy(() -> StableDecay.of(0, List.of(5L), 1, DecayOf.SEGMENT, 0.1, Shape.LINEAR))
                .hasMessageContaining("share");
        assertThatThrownBy(() -> new CyclicCosine(5, List.of(5L), 0.1)).hasMessageContaining("warm-up");
        assertThatThrownBy(() -> new CyclicCosine(0, List.of(5L, 4L), 0.1)).hasMessageContaining("later");
        assertThatThrownBy(() -> new RiverValley(0, 1, 1, 1)).hasMessageContaining("curvature");
    }
}
