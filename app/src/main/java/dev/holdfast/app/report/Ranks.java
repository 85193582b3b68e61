package dev.holdfast.app.report;

import dev.holdfast.evaluate.Trial;
import dev.holdfast.math.RankStatistics;
import dev.holdfast.registry.LearnerPlugin;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.IntStream;

/**
 * Ranks of the learners by final accuracy and what may be concluded from them: Friedman's test that all are alike,
 * Nemenyi's critical difference, and all pairs with Holm's correction. Blocks are the data sets, each with the mean over
 * its seeds; with a single data set the seeds are, and the conclusion holds for that data set only. Bounds and baselines
 * are not ranked.
 *
 * @param possible false with a single block or learner; then only the note says something
 * @param note what was done or why nothing could be, in a sentence or two
 * @param blocks names of the blocks
 * @param learners best mean rank first
 * @param p of Friedman's chi-squared
 * @param fp of Iman and Davenport's F
 * @param criticalDifference Nemenyi's, at level {@link #alpha}
 */
public record Ranks(
        boolean possible,
        String note,
        List<String> blocks,
        List<Ranked> learners,
        Double chiSquared,
        Double p,
        Double f,
        Double fp,
        Double criticalDifference,
        double alpha,
        List<Pair> pairs) {
    private static final double ALPHA = 0.05;

    /** A learner's mean rank over the blocks; 1 = best. */
    public record Ranked(String learner, double meanRank) {}

    /**
     * Two learners, the better-ranked first.
     *
     * @param p two-sided, after Holm's correction over all pairs
     * @param nemenyi whether the mean ranks differ by the critical difference
     */
    public record Pair(String better, String worse, double difference, double p, boolean nemenyi) {}

    public static Ranks of(List<Comparison.Bed> beds) {
        Map<String, Map<String, Double>> blocks = blocks(beds);
        List<String> names = blocks.values().stream()
                .flatMap(b -> b.keySet().stream())
                .distinct()
                .filter(l -> blocks.values().stream().allMatch(b -> b.containsKey(l)))
                .toList();
        boolean sets = beds.size() > 1;
        if (blocks.size() < 2) {
            return none("With one seed on one data set nothing can be said about chance: a difference between two"
                    + " learners may be luck. Run with --seeds 5 or more, or add data sets with --also.");
        }
        if (names.size() < 2) {
            return none("Ranks need at least two learners that finished everywhere; there "
                    + (names.size() == 1 ? "is one." : "is none."));
        }
        double[][] scores = blocks.values().stream()
                .map(b -> names.stream().mapToDouble(b::get).toArray())
                .toArray(double[][]::new);
        RankStatistics.Friedman f = RankStatistics.friedman(scores, true);
        double cd = RankStatistics.nemenyi(names.size(), blocks.size(), ALPHA);
        List<Ranked> ranked = new ArrayList<>();
        IntStream.range(0, names.size()).forEach(i -> ranked.add(new Ranked(names.get(i), f.meanRanks()[i])));
        ranked.sort(Comparator.comparingDouble(Ranked::meanRank));
        List<Pair> pairs = RankStatistics.allPairs(f).stream()
                .map(p -> pair(p, names, f.meanRanks(), cd))
                .sorted(Comparator.comparingDouble(Pair::p).thenComparing(q -> -q.difference))
                .toList();
        String what = sets
                ? "Blocks are the " + blocks.size() + " data sets, each with the mean over its seeds."
                : "Blocks are the " + blocks.size() + " seeds of one data set, so this speaks of chance in class order,"
                        + " initialisation and drawing on this data set, not of other data.";
        String few = blocks.size() < 5 ? " With so few blocks the test sees only large differences." : "";
        return new Ranks(
                true,
                what + few,
                List.copyOf(blocks.keySet()),
                ranked,
                f.chiSquared(),
                f.p(),
                Double.isInfinite(f.f()) ? null : f.f(),
                f.fp(),
                cd,
                ALPHA,
                pairs);
    }

    private static Pair pair(RankStatistics.Pair p, List<String> names, double[] meanRanks, double cd) {
        boolean straight = meanRanks[p.first()] <= meanRanks[p.second()];
        double difference = Math.abs(meanRanks[p.first()] - meanRanks[p.second()]);
        return new Pair(
                names.get(straight ? p.first() : p.second()),
                names.get(straight ? p.second() : p.first()),
                difference,
                p.adjusted(),
                difference >= cd);
    }

    private static Ranks none(String note) {
        return new Ranks(false, note, List.of(), List.of(), null, null, null, null, null, ALPHA, List.of());
    }

    /** Final accuracy by block and learner. */
    private static Map<String, Map<String, Double>> blocks(List<Comparison.Bed> beds) {
        Map<String, Map<String, Double>> blocks = new LinkedHashMap<>();
        for (Comparison.Bed bed : beds) {
            List<Trial.Result> done = bed.trials().stream()
                    .filter(r -> r.role() == LearnerPlugin.Role.LEARNER
                            && r.status() == Trial.Status.DONE
                            && r.averageAccuracy() != null)
                    .toList();
            if (beds.size() == 1) {
                done.forEach(r -> blocks.computeIfAbsent("seed " + r.seed(), k -> new LinkedHashMap<>())
                        .put(r.learner(), r.averageAccuracy()));
                continue;
            }
            Map<String, Double> means = new LinkedHashMap<>();
            done.stream().map(Trial.Result::learner).distinct().forEach(l -> {
                OptionalDouble mean = done.stream()
                        .filter(r -> r.learner().equals(l))
                        .mapToDouble(Trial.Result::averageAccuracy)
                        .average();
                means.put(l, mean.orElseThrow());
            });
            String name = bed.data().name();
            blocks.put(blocks.containsKey(name) ? name + " (" + (blocks.size() + 1) + ")" : name, means);
        }
        return blocks;
    }
}
