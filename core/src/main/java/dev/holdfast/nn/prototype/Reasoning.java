package dev.holdfast.nn.prototype;

import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Tables of R reasonings over K components: reasoning j expects component k to be there with probability {@code
 * positive[j, k]} and to be absent with {@code negative[j, k]}; the entries of both in a row sum to 1. Its agreement with
 * detections d is {@code p_j = sum_k positive_jk d_k + negative_jk (1 - d_k)}, a probability that is linear in d.
 *
 * <p>A Robust Prototype-Based Network with Interpretable RBF Classifier Foundations, arXiv 2412.15499.
 *
 * @param positive [R, K], may carry a graph
 * @param negative [R, K]
 * @param owner class column of every reasoning; every column 0..C-1 has at least one
 */
public record Reasoning(Tensor positive, Tensor negative, int[] owner) {
    /** Keeps the denominator of classic tables from 0. */
    private static final double LEAST = 1e-7;

    public Reasoning {
        Tensors.requireShape("positive reasoning", positive, owner.length, -1);
        Tensors.requireShape("negative reasoning", negative, owner.length, positive.size(1));
        if (positive.size(1) == 0 || owner.length == 0) {
            throw new IllegalArgumentException("A network needs components and reasonings but there are "
                    + positive.size(1) + " and " + owner.length + ".");
        }
        int classes = Arrays.stream(owner).max().orElseThrow() + 1;
        for (int c = 0; c < classes; c++) {
            int column = c;
            if (Arrays.stream(owner).noneMatch(o -> o == column)) {
                throw new IllegalArgumentException("Class column " + c + " has no reasoning; the reasonings belong to "
                        + Arrays.toString(owner) + ".");
            }
        }
        owner = owner.clone();
    }

    /**
     * Tables from numbers that are free: a softmax over 2K entries a reasoning, first K positive, last K negative.
     *
     * @param theta [R, 2K]
     */
    public static Reasoning stable(Tensor theta, int... owner) {
        Tensors.requireShape("reasoning logits", theta, owner.length, -1);
        long k = theta.size(1) / 2;
        if (theta.size(1) % 2 != 0) {
            throw new IllegalArgumentException(
                    "Reasoning logits have a width of " + theta.size(1) + "; expected two for every component.");
        }
        Tensor r = theta.softmax(1);
        return new Reasoning(Tensors.slice(r, 1, 0, k), Tensors.slice(r, 1, k, 2 * k), owner);
    }

    /**
     * Classic tables, in which a component may also be indefinite: {@code positive = a}, {@code negative = (1 - a) b}, divided
     * by their sum over components. Many tables have the same quotient, and the sum may vanish.
     *
     * @param a [R, K] in [0, 1]
     * @param b [R, K] in [0, 1]
     */
    public static Reasoning classic(Tensor a, Tensor b, int... owner) {
        Tensor negative = b.sub(a.mul(b));
        Tensor definite = a.add(negative).sum(1).unsqueeze(1).add(Tensors.scalar(LEAST));
        return new Reasoning(a.div(definite), negative.div(definite), owner);
    }

    /**
     * Positive reasoning only: a network of radial basis functions whose weights are a softmax over components.
     *
     * @param theta [R, K]
     */
    public static Reasoning positiveOnly(Tensor theta, int... owner) {
        Tensor r = theta.softmax(1);
        return new Reasoning(r, Tensors.zerosLike(r.detach(), r.shape()), owner);
    }

    /**
     * Tables set by hand.
     *
     * @throws IllegalArgumentException where an entry is negative or a row does not sum to 1 within 1e-6
     */
    public static Reasoning of(double[][] positive, double[][] negative, int... owner) {
        Reasoning r = new Reasoning(Tensors.of(positive), Tensors.of(negative), owner);
        for (int j = 0; j < owner.length; j++) {
            double sum = Arrays.stream(positive[j]).sum()
                    + Arrays.stream(negative[j]).sum();
            boolean below = Arrays.stream(positive[j]).anyMatch(v -> !(v >= 0))
                    || Arrays.stream(negative[j]).anyMatch(v -> !(v >= 0));
            if (below || Math.abs(sum - 1) > 1e-6) {
                throw new IllegalArgumentException(
                        "Reasoning " + j + " has entries >= 0 that sum to 1 in a table, but here" + " they sum to "
                                + sum + (below ? " and some are negative or no numbers" : "") + ".");
            }
        }
        return r;
    }

    /** K. */
    public int components() {
        return (int) positive.size(1);
    }

    /** C, the number of class columns. */
    public int classes() {
        return Arrays.stream(owner).max().orElseThrow() + 1;
    }

    /** Agreements p [B, R] with detections [B, K]; each in [0, 1]. */
    public Tensor probability(Tensor detections) {
        return detections.matmul(positive.sub(negative).t()).add(negative.sum(1));
    }

    /** The best reasoning of every class: [B, C] from agreements [B, R]. */
    public Tensor byClass(Tensor probability) {
        Tensor owned = ownership(probability);
        return probability
                .unsqueeze(1)
                .masked_fill(owned.eq(Tensors.scalar(0)), new Scalar(Double.NEGATIVE_INFINITY))
                .amax(new long[] {2}, false);
    }

    /** Which reasoning belongs to which class: [C, R] in {0, 1} and {@code like}'s type. */
    Tensor ownership(Tensor like) {
        return Tensors.oneHot(owner, classes(), like).t();
    }

    /** How much each component counts: {@code P(k | j) = positive + negative} [R, K]. */
    public Tensor prior() {
        return positive.add(negative);
    }

    /** The share of positive reasoning where a component counts [R, K]; 1/2 where it does not. */
    public Tensor requiredness() {
        Tensor prior = prior();
        Tensor none = prior.eq(Tensors.scalar(0));
        return positive.div(prior.masked_fill(none, Tensors.scalar(1))).masked_fill(none, Tensors.scalar(0.5));
    }

    /** Mean over reasonings of the entropy of their tables, in nats: 0 where each rests on one component. */
    public double entropy() {
        try (Scope s = Scope.open()) {
            Tensor all = Tensors.cat(1, positive, negative).detach().to(ScalarType.Double);
            return -all.mul(all.clamp_min(Tensors.scalar(1e-300)).log())
                    .sum(1)
                    .mean()
                    .item_double();
        }
    }
}
