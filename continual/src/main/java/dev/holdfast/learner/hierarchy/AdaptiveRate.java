package dev.holdfast.learner.hierarchy;

import dev.holdfast.config.Doc;
import dev.holdfast.optim.schedule.AdaptivePair;
import dev.holdfast.tensor.Snapshot;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.Map;

/**
 * Steers an {@link AdaptivePair} by the losses of a memory: every {@code period} measurements a turn ends, and what counts
 * is by how much the losses of entries that were there at the last turn's end fell. Koh et al., arXiv 2110.10031, section
 * 4.3. One writer.
 */
public final class AdaptiveRate implements Stateful {
    /**
     * @param on false: the rate stays as it is
     * @param pair the two rates
     * @param period measurements of the memory a turn, >= 1
     * @param warmup measurements whose turns do not count, >= 0
     */
    public record Config(
            @Doc("whether the learning rate adapts to the memory's losses") boolean on,
            AdaptivePair.Config pair,
            @Doc("measurements of the memory between two changes of the rate") int period,
            @Doc("measurements before the first that counts") int warmup) {
        public Config {
            if (period < 1 || warmup < 0) {
                throw new IllegalArgumentException(
                        "Expected period >= 1 and warmup >= 0 but got " + period + " and " + warmup + ".");
            }
        }

        public static Config defaults() {
            return new Config(true, AdaptivePair.Config.defaults(), 10, 20);
        }
    }

    private static final long NONE = -1;

    private final Config config;
    private final AdaptivePair pair;
    private long count;
    private final double[] losses;
    private final long[] stamps;

    /** @param entries most entries that the memory can have */
    AdaptiveRate(Config config, int entries) {
        this.config = config;
        this.losses = new double[entries];
        this.stamps = new long[entries];
        Arrays.fill(stamps, NONE);
        this.pair = new AdaptivePair(config.pair);
    }

    /** The factor on the rate, at all times. */
    AdaptivePair factor() {
        return pair;
    }

    /**
     * Takes in a measurement.
     *
     * @param now loss of each entry
     * @param entries a number >= 0 of each entry that no other ever has, so that replaced entries are left out
     */
    void observe(double[] now, long[] entries) {
        if (!config.on || ++count % config.period != 0) {
            return;
        }
        double fall = 0;
        int compared = 0;
        for (int k = 0; k < now.length; k++) {
            if (stamps[k] == entries[k]) {
                fall += losses[k] - now[k];
                compared++;
            }
        }
        pair.observe(compared == 0 || count <= config.warmup ? Double.NaN : fall / compared);
        System.arraycopy(now, 0, losses, 0, now.length);
        System.arraycopy(entries, 0, stamps, 0, now.length);
    }

    @Override
    public State state() {
        return new State()
                .put("count", count)
                .put("losses", Tensors.of(losses, losses.length))
                .put("stamps", Tensors.of(stamps, stamps.length))
                .put("pair", pair);
    }

    @Override
    public void load(State saved) {
        long newCount = saved.integer("count");
        Tensors.requireShape("saved losses", saved.tensor("losses"), losses.length);
        Tensors.requireShape("saved stamps", saved.tensor("stamps"), stamps.length);
        double[] newLosses = Tensors.doubles(saved.tensor("losses"));
        long[] newStamps = Tensors.longs(saved.tensor("stamps"));
        if (newCount < 0) {
            throw new IllegalArgumentException(
                    "The saved rate was measured " + newCount + " times.\nMaybe the file is damaged.");
        }
        Snapshot.loadAll(saved, Map.of("pair", pair));
        count = newCount;
        System.arraycopy(newLosses, 0, losses, 0, losses.length);
        System.arraycopy(newStamps, 0, stamps, 0, stamps.length);
    }
}
