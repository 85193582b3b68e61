package dev.holdfast.data.augment;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * Mixes crops with other crops of the same image, so that both what is seen and what is said of it vary little. Rows with
 * equal ids are crops of one image; their partner is drawn among them. Either a box is pasted from the partner ({@link
 * #cut}, one box a batch, shares by area), or the two are blended ({@link #up}); the soft targets are mixed by the same
 * shares. An image with one crop stays as it is.
 *
 * <p>Shen, <i>FerKD: Surgical Label Adaptation for Efficient Distillation</i>, arXiv 2312.17473, section 3.4; how often which
 * kind is drawn follows the usual switch between Mixup and CutMix. Pure; safe from any thread.
 *
 * @param probability of mixing a batch at all, in [0, 1]
 * @param cutShare how often a box is pasted instead of a blend, in [0, 1]
 * @param cutAlpha share of the own crop outside the box: Beta(a, a), > 0
 * @param upAlpha share of the own crop in a blend: Beta(a, a), > 0
 */
public record SelfMix(double probability, double cutShare, double cutAlpha, double upAlpha) implements BatchTransform {
    public SelfMix {
        if (!(probability >= 0 && probability <= 1 && cutShare >= 0 && cutShare <= 1)) {
            throw new IllegalArgumentException("SelfMix needs probability and cutShare in [0, 1] but has " + probability
                    + " and " + cutShare + ".");
        }
        if (!(cutAlpha > 0 && upAlpha > 0) || Double.isInfinite(cutAlpha) || Double.isInfinite(upAlpha)) {
            throw new IllegalArgumentException(
                    "SelfMix needs finite cutAlpha and upAlpha > 0 but has " + cutAlpha + " and " + upAlpha + ".");
        }
    }

    /** Every batch, boxes and blends alike often, Beta(1, 1) and Beta(0.8, 0.8). */
    public SelfMix() {
        this(1, 0.5, 1, 0.8);
    }

    @Override
    public Batch apply(Batch b, Rng rng) {
        if (rng.child("whether").next() >= probability) {
            return b;
        }
        int[] partner = partners(b.rows().ids(), rng.child("partner"));
        if (rng.child("kind").next() < cutShare) {
            Tensor x = b.inputs().x();
            Tensors.requireShape("images", x, -1, -1, -1, -1);
            int h = (int) x.size(2);
            int w = (int) x.size(3);
            Rng at = rng.child("place");
            return cut(b, box(h, w, Mixup.beta(cutAlpha, rng.child("share")), at.below(h), at.below(w)), partner);
        }
        return up(b, Mixup.beta(upAlpha, rng.child("share")), partner);
    }

    /** For each crop another of its image, in a uniform permutation of the image's crops. */
    static int[] partners(long[] ids, Rng rng) {
        Map<Long, List<Integer>> crops = new LinkedHashMap<>();
        for (int i = 0; i < ids.length; i++) {
            crops.computeIfAbsent(ids[i], id -> new ArrayList<>()).add(i);
        }
        int[] partner = new int[ids.length];
        for (List<Integer> of : crops.values()) {
            int[] p = rng.permutation(of.size());
            for (int i = 0; i < p.length; i++) {
                partner[of.get(i)] = of.get(p[i]);
            }
        }
        return partner;
    }

    /**
     * The box whose sides are sqrt(1 - own) of the image's, rounded down, around a point, cut at the border.
     *
     * @param own share of the own crop before the border cuts the box, in [0, 1]
     */
    public static CutMix.Box box(int height, int width, double own, int row, int column) {
        double side = Math.sqrt(1 - own);
        int h = (int) (height * side) / 2;
        int w = (int) (width * side) / 2;
        return new CutMix.Box(
                Math.max(0, row - h), Math.min(height, row + h), Math.max(0, column - w), Math.min(width, column + w));
    }

    /** Share of the image outside a box. */
    public static double outside(CutMix.Box box, int height, int width) {
        return 1 - (box.bottom() - box.top()) * (box.right() - box.left()) / (double) (height * width);
    }

    /** Pastes a box of the partner into every crop; partners must be crops of the same image. */
    public Batch cut(Batch b, CutMix.Box box, int[] partner) {
        requirePartners(b, partner);
        Tensor x = b.inputs().x();
        Tensors.requireShape("images", x, -1, -1, -1, -1);
        Tensor mixed = x.clone();
        if (box.top() < box.bottom() && box.left() < box.right()) {
            inside(mixed, box).copy_(Tensors.rows(inside(x, box), partner));
        }
        return mixed(b, mixed, outside(box, (int) x.size(2), (int) x.size(3)), partner);
    }

    private static Tensor inside(Tensor x, CutMix.Box box) {
        return Tensors.slice(Tensors.slice(x, 2, box.top(), box.bottom()), 3, box.left(), box.right());
    }

    /** {@code own x_i + (1 - own) x_partner}, own in [0, 1]; partners must be crops of the same image. */
    public Batch up(Batch b, double own, int[] partner) {
        if (!(own >= 0 && own <= 1)) {
            throw new IllegalArgumentException("The share of the own crop must be in [0, 1] but is " + own + ".");
        }
        requirePartners(b, partner);
        return mixed(b, blend(b.inputs().x(), own, partner), own, partner);
    }

    private static Tensor blend(Tensor t, double own, int[] partner) {
        return t.mul(Tensors.scalar(own)).add(Tensors.rows(t, partner), Tensors.scalar(1 - own));
    }

    private static Batch mixed(Batch b, Tensor x, double own, int[] partner) {
        double[] shares = new double[partner.length];
        Arrays.fill(shares, own);
        Rows rows = new Rows(
                b.rows().ids(),
                b.rows().weights(),
                new Rows.Mix(Tensors.of(shares, shares.length), partner.clone()),
                b.rows().epoch(),
                b.rows().step());
        String field =
                b.inputs().fields().size() == 1 ? b.inputs().fields().iterator().next() : Inputs.X;
        return new Batch(
                b.inputs().with(field, x),
                new Target.Soft(blend(((Target.Soft) b.target()).p(), own, partner)),
                rows,
                b.task(),
                b.domain(),
                b.time(),
                b.group());
    }

    private static void requirePartners(Batch b, int[] partner) {
        if (!(b.target() instanceof Target.Soft)) {
            throw new IllegalArgumentException("SelfMix mixes soft targets but the target is "
                    + b.target().getClass().getSimpleName() + ".");
        }
        if (b.rows().mix() != null) {
            throw new IllegalArgumentException("The rows are mixed already; they can be mixed once.");
        }
        if (partner.length != b.size()) {
            throw new IllegalArgumentException(
                    "A batch of " + b.size() + " rows was given " + partner.length + " partners.");
        }
        long[] ids = b.rows().ids();
        for (int i = 0; i < partner.length; i++) {
            if (partner[i] < 0 || partner[i] >= ids.length || ids[partner[i]] != ids[i]) {
                throw new IllegalArgumentException("Row " + i + " is a crop of image " + ids[i]
                        + " but its partner is row " + partner[i]
                        + ", which is none of it.\nMaybe mixing across images is meant: Mixup or CutMix.");
            }
        }
    }
}
