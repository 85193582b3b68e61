package dev.holdfast.data.augment;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * CutMix of images [n, c, h, w]: a box of every image is replaced by that of a partner, and the target is mixed by the
 * shares of the areas. One box a batch, whose area follows 1 - Beta(alpha, alpha), around a point drawn evenly, cut at the
 * border. Partners are drawn among the rows of the same level of a hierarchy, so that a target never spreads over levels; a
 * row that is alone at its level stays. Rows with soft targets have any row of the batch as their partner.
 *
 * <p>Yun et al., <i>CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features</i>, arXiv
 * 1905.04899, algorithm 1. Pure; safe from any thread.
 *
 * @param alpha > 0; 1 = areas even
 * @param columns the score columns over which targets are written
 */
public record CutMix(double alpha, ClassIndex columns) implements BatchTransform {
    public CutMix {
        if (!(alpha > 0) || Double.isInfinite(alpha)) {
            throw new IllegalArgumentException("CutMix needs a finite alpha > 0 but has " + alpha + ".");
        }
    }

    /** A part of an image: rows [top, bottom), columns [left, right). */
    public record Box(int top, int bottom, int left, int right) {
        /** Of the given share of the area around a point, cut at the border. */
        static Box around(int height, int width, double share, int row, int column) {
            int h = (int) (height * Math.sqrt(share));
            int w = (int) (width * Math.sqrt(share));
            return new Box(
                    Math.max(0, row - h / 2),
                    Math.min(height, row + (h + 1) / 2),
                    Math.max(0, column - w / 2),
                    Math.min(width, column + (w + 1) / 2));
        }
    }

    @Override
    public Batch apply(Batch b, Rng rng) {
        Tensor x = b.inputs().x();
        Tensors.requireShape("images", x, -1, -1, -1, -1);
        int h = (int) x.size(2);
        int w = (int) x.size(3);
        double share = 1 - Mixup.beta(alpha, rng.child("share"));
        Rng at = rng.child("place");
        return apply(b, Box.around(h, w, share, at.below(h), at.below(w)), partners(b, rng.child("partner")));
    }

    /** A partner of the same level for each row. */
    private int[] partners(Batch b, Rng rng) {
        if (b.target() instanceof Target.Soft) {
            // a distribution may be spread over levels already
            return rng.permutation(b.size());
        }
        long[] y = b.classIds();
        Map<Integer, List<Integer>> byLevel = new TreeMap<>();
        for (int i = 0; i < y.length; i++) {
            int level = columns.columns().get(columns.columnOf((int) y[i])).level();
            byLevel.computeIfAbsent(level, l -> new ArrayList<>()).add(i);
        }
        int[] partner = new int[y.length];
        byLevel.forEach((level, rows) -> {
            int[] p = rng.child("level", level).permutation(rows.size());
            for (int i = 0; i < p.length; i++) {
                partner[rows.get(i)] = rows.get(p[i]);
            }
        });
        return partner;
    }

    /** The same with given draws: the box, and the partner of each row. */
    public Batch apply(Batch b, Box box, int[] partner) {
        if (partner.length != b.size()) {
            throw new IllegalArgumentException(
                    "A batch of " + b.size() + " rows was given " + partner.length + " partners.");
        }
        Tensor x = b.inputs().x();
        int h = (int) x.size(2);
        int w = (int) x.size(3);
        Tensor other = Tensors.rows(x, partner);
        double[] mask = new double[h * w];
        for (int r = box.top; r < box.bottom; r++) {
            for (int c = box.left; c < box.right; c++) {
                mask[r * w + c] = 1;
            }
        }
        Tensor cut = Tensors.of(mask, 1, 1, h, w).to(x.scalar_type());
        Tensor mixed = x.add(other.sub(x).mul(cut));
        double own = 1 - (box.bottom - box.top) * (box.right - box.left) / (double) (h * w);
        Tensor said = b.target() instanceof Target.Soft soft
                ? soft.p()
                : Tensors.oneHot(columns.columnsOf(b.classIds()), columns.size(), Tensors.zeros(ScalarType.Double, 1));
        Tensor y = said.mul(Tensors.scalar(own)).add(Tensors.rows(said, partner), Tensors.scalar(1 - own));
        Map<String, Tensor> fields = new LinkedHashMap<>();
        for (String f : b.inputs().fields()) {
            fields.put(f, b.inputs().tensor(f));
        }
        fields.put(
                b.inputs().fields().size() == 1 ? b.inputs().fields().iterator().next() : Inputs.X, mixed);
        Rows rows = b.rows();
        return new Batch(
                Inputs.of(fields),
                new Target.Soft(y),
                new Rows(rows.ids(), rows.weights(), null, rows.epoch(), rows.step()),
                b.task(),
                b.domain(),
                b.time(),
                b.group());
    }
}
