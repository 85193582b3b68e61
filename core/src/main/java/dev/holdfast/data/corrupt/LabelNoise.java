package dev.holdfast.data.corrupt;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Corruption;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.WithTruth;
import dev.holdfast.tensor.Rng;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * Wrong labels, put on a data set before it becomes a scenario. Which rows and which labels is a function of (data, seed);
 * every kind also has a method that takes its draws. Papers mean different things by "40 % noise", so every kind states
 * its convention, and {@link NoiseTruth#errorRate} says what came out.
 *
 * <p>Labels are class ids of the schema; a rate r of n rows is {@code ceil(r n)} rows. Immutable; safe from any thread.
 */
public sealed interface LabelNoise extends Corruption<NoiseTruth>
        permits SymmetricNoise, MappedNoise, MatrixNoise, ChanceNoise {
    /** The convention as a sentence, with its rate. */
    String convention();

    /** The rate that was asked for, or NaN. */
    double nominalRate();

    /** Chance [i][j] that the i-th class is labelled as the j-th, or null where the order of flips decides. */
    double[][] nominal(ClassIndex classes);

    /** New labels by seed. */
    Labels draw(long[] clean, ClassIndex classes, Rng rng);

    /** Labels after the noise, and which of them were drawn anew. */
    record Labels(long[] given, boolean[] touched) {}

    @Override
    default WithTruth<NoiseTruth> apply(Dataset clean, Rng rng) {
        long[] before = clean.classIds();
        ClassIndex classes = clean.schema().classes();
        if (classes.size() < 2) {
            throw new IllegalArgumentException(
                    "Label noise needs at least two classes but there are " + classes.size() + ".");
        }
        Labels after = draw(before, classes, rng);
        long[] ids = new long[before.length];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = clean.id(i);
        }
        return new WithTruth<>(
                new Relabelled(clean, after.given()),
                new NoiseTruth(
                        convention(),
                        nominalRate(),
                        ids,
                        before,
                        after.given().clone(),
                        after.touched(),
                        nominal(classes),
                        empirical(before, after.given(), classes)));
    }

    /** Symmetric noise in the convention of most papers: some of the drawn rows get their own class back. */
    static SymmetricNoise symmetric(double rate) {
        return new SymmetricNoise(rate, SymmetricNoise.Convention.UNIFORM_ALL);
    }

    /** Symmetric noise in which every drawn row gets another class: harder at the same rate. */
    static SymmetricNoise symmetricOther(double rate) {
        return new SymmetricNoise(rate, SymmetricNoise.Convention.UNIFORM_OTHER);
    }

    /** Each class is mistaken for the next, the last for the first: ceil(rate * n) rows of each class. */
    static MappedNoise pairs(ClassIndex classes, double rate) {
        Map<Long, Long> next = new TreeMap<>();
        for (int c = 0; c < classes.size(); c++) {
            next.put((long) classes.columns().get(c).classId(), (long)
                    classes.columns().get((c + 1) % classes.size()).classId());
        }
        return new MappedNoise(next, rate, MappedNoise.Order.SIMULTANEOUS);
    }

    /** Asymmetric noise for CIFAR-10 as in the literature: truck to automobile, bird to airplane, cat and dog, deer to horse. */
    static MappedNoise cifar10(double rate, MappedNoise.Order order) {
        return new MappedNoise(Map.of(9L, 1L, 2L, 0L, 3L, 5L, 5L, 3L, 4L, 7L), rate, order);
    }

    /** Each class is mistaken with chance {@code rate} for the next of its group, the last for the first. */
    static MatrixNoise superClasses(ClassIndex classes, List<List<Integer>> groups, double rate) {
        requireRate(rate);
        int n = classes.size();
        double[][] t = new double[n][n];
        boolean[] seen = new boolean[n];
        for (List<Integer> group : groups) {
            for (int k = 0; k < group.size(); k++) {
                int from = column(classes, group.get(k));
                if (seen[from]) {
                    throw new IllegalArgumentException("Class " + group.get(k) + " is in two super-classes.");
                }
                seen[from] = true;
                t[from][from] += 1 - rate;
                t[from][column(classes, group.get((k + 1) % group.size()))] += rate;
            }
        }
        for (int c = 0; c < n; c++) {
            if (!seen[c]) {
                throw new IllegalArgumentException(
                        "Class " + classes.columns().get(c).classId() + " is in no super-class.");
            }
        }
        return new MatrixNoise(
                t, String.format(Locale.ROOT, "each class becomes the next of its super-class with chance %s", rate));
    }

    /** Position of a class among the declared ones; an unknown one is refused. */
    static int column(ClassIndex classes, long classId) {
        int c = classId < 0 || classId > Integer.MAX_VALUE ? -1 : classes.columnOf((int) classId);
        if (c < 0) {
            throw new IllegalArgumentException(
                    "Class " + classId + " is not among the " + classes.size() + " declared classes " + classes + ".");
        }
        return c;
    }

    /** Refuses rates outside [0, 1]. */
    static void requireRate(double rate) {
        if (!(rate >= 0 && rate <= 1)) {
            throw new IllegalArgumentException("A noise rate must be in [0, 1] but is " + rate + ".");
        }
    }

    /** {@code ceil(rate * n)}: the rows i with i < rate * n. */
    static int count(double rate, int n) {
        return (int) Math.min(n, Math.ceil(rate * n));
    }

    private static double[][] empirical(long[] before, long[] after, ClassIndex classes) {
        double[][] t = new double[classes.size()][classes.size()];
        double[] n = new double[classes.size()];
        for (int i = 0; i < before.length; i++) {
            int from = column(classes, before[i]);
            t[from][column(classes, after[i])]++;
            n[from]++;
        }
        for (int c = 0; c < n.length; c++) {
            for (int k = 0; k < n.length; k++) {
                t[c][k] = n[c] == 0 ? 0 : t[c][k] / n[c];
            }
        }
        return t;
    }
}
