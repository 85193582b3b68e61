package dev.holdfast.learner.stream;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Joins groups that are smaller than the usual label set: with a group below the same parent, else with any, each time the
 * one that is least unlike on average, and never beyond a largest size. Pure function.
 */
final class UsableGroups {
    private UsableGroups() {}

    /** How unlike two labels are. */
    interface Dissimilarity {
        double of(int i, int j);
    }

    /**
     * Groups of labels, in the order of the leaves, labels ascending.
     *
     * @param least labels that a group should have
     * @param most labels that a joined group may have; 0 for any number
     */
    static int[][] of(List<LabelCluster> leaves, int least, int most, Dissimilarity d) {
        List<List<LabelCluster>> groups = new ArrayList<>();
        for (LabelCluster c : leaves) {
            groups.add(new ArrayList<>(List.of(c)));
        }
        for (int at = 0; at < groups.size(); ) {
            int to = size(groups.get(at)) < least ? nearest(groups, at, most, d) : -1;
            if (to < 0) {
                at++;
            } else {
                // what stood behind it is looked at next
                groups.get(to).addAll(groups.get(at));
                groups.remove(at);
            }
        }
        return groups.stream()
                .map(g -> g.stream()
                        .flatMapToInt(c -> Arrays.stream(c.labels))
                        .sorted()
                        .toArray())
                .toArray(int[][]::new);
    }

    private static int size(List<LabelCluster> group) {
        return group.stream().mapToInt(c -> c.labels.length).sum();
    }

    /** The group to join, or -1. */
    private static int nearest(List<List<LabelCluster>> groups, int at, int most, Dissimilarity d) {
        List<LabelCluster> mine = groups.get(at);
        LabelCluster parent = mine.get(0).parent;
        for (boolean related : new boolean[] {true, false}) {
            int best = -1;
            double least = Double.POSITIVE_INFINITY;
            for (int g = 0; g < groups.size(); g++) {
                List<LabelCluster> other = groups.get(g);
                boolean fits = g != at && (most == 0 || size(mine) + size(other) <= most);
                if (!fits || (related && other.stream().noneMatch(c -> c.below(parent)))) {
                    continue;
                }
                double mean = mean(mine, other, d);
                if (mean < least) {
                    least = mean;
                    best = g;
                }
            }
            if (best >= 0) {
                return best;
            }
        }
        return -1;
    }

    private static double mean(List<LabelCluster> a, List<LabelCluster> b, Dissimilarity d) {
        double sum = 0;
        int n = 0;
        for (LabelCluster c : a) {
            for (LabelCluster o : b) {
                for (int i : c.labels) {
                    for (int j : o.labels) {
                        sum += d.of(i, j);
                        n++;
                    }
                }
            }
        }
        return sum / n;
    }
}
