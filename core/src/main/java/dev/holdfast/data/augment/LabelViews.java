package dev.holdfast.data.augment;

import dev.holdfast.data.Schema;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * Changes of images [n, c, h, w] that change what they show, so that each makes classes of its own: the m-th view of class y
 * is class y M + m. The first view is the image itself. Pure; safe from any thread.
 *
 * <p>Song et al., <i>Learning with Fantasy: Semantic-Aware Virtual Contrastive Constraint for Few-Shot Class-Incremental
 * Learning</i>, arXiv 2304.00426.
 */
public enum LabelViews {
    /** None but the image itself: M = 1. */
    NONE(1, 1),
    /** Upside down: M = 2. */
    HALF_TURN(2, 1),
    /** Turned by 0, 90, 180 and 270 degrees: M = 4. */
    QUARTER_TURNS(4, 1),
    /** Both half turns of all six orders of red, green and blue: M = 12. */
    TURNS_AND_COLOURS(2, 6);

    private static final List<int[]> COLOURS = List.of(
            new int[] {0, 1, 2},
            new int[] {0, 2, 1},
            new int[] {1, 0, 2},
            new int[] {1, 2, 0},
            new int[] {2, 0, 1},
            new int[] {2, 1, 0});

    private final int turns;
    private final int colours;

    LabelViews(int turns, int colours) {
        this.turns = turns;
        this.colours = colours;
    }

    /** M. */
    public int count() {
        return turns * colours;
    }

    /** Refuses rows that have no such views: anything but images, quarter turns of oblong ones, colours of grey ones. */
    public void requireFits(Schema schema) {
        Schema.Field f = schema.x();
        if (this == NONE) {
            return;
        }
        if (f.kind() != Schema.Field.Kind.IMAGE) {
            throw new IllegalArgumentException("Views " + this + " are of images but field '" + f.name() + "' is a "
                    + f.kind() + ".\nMaybe turn the views off (NONE).");
        }
        if (turns == 4 && !f.shape().get(1).equals(f.shape().get(2))) {
            throw new IllegalArgumentException("Quarter turns need square images but field '" + f.name()
                    + "' has rows of " + f.shape() + ".\nMaybe HALF_TURN is meant.");
        }
        if (colours > 1 && f.shape().get(0) != 3) {
            throw new IllegalArgumentException("Orders of colours need three channels but field '" + f.name()
                    + "' has rows of " + f.shape() + ".\nMaybe QUARTER_TURNS is meant.");
        }
    }

    /** The m-th view of all images. */
    public Tensor apply(Tensor x, int m) {
        if (m < 0 || m >= count()) {
            throw new IllegalArgumentException("There is no view " + m + " among " + count() + ".");
        }
        int quarters = turns == 2 ? 2 * (m / colours) : m / colours;
        Tensor turned = quarters == 0 ? x : ImageOps.quarterTurns(x, quarters);
        int c = m % colours;
        return c == 0 ? turned : turned.index_select(1, Tensors.ids(COLOURS.get(c)));
    }

    /** All views one after the other [M n, ...]: first every row untouched, then every row's second view. */
    public Tensor all(Tensor x) {
        Tensor[] views = new Tensor[count()];
        for (int m = 0; m < views.length; m++) {
            views[m] = apply(x, m);
        }
        return views.length == 1 ? x : Tensors.cat(0, views);
    }

    /** Labels y M + m of {@link #all}. */
    public int[] labels(int[] y) {
        int n = y.length;
        int[] joint = new int[n * count()];
        for (int i = 0; i < joint.length; i++) {
            joint[i] = y[i % n] * count() + i / n;
        }
        return joint;
    }

    /**
     * Logits of the classes from those of all views: the mean over m of z_m[y M + m].
     *
     * @param joint logits of {@link #all} [M n, M K]
     * @return [n, K]
     */
    public Tensor average(Tensor joint) {
        int views = count();
        if (views == 1) {
            return joint;
        }
        long n = joint.size(0) / views;
        long k = joint.size(1) / views;
        Tensors.requireShape("logits of all views", joint, n * views, k * views);
        // [view of the image, row, class, view of the class]: the two views must agree
        return joint.reshape(views, n, k, views).diagonal(0, 0, 3).mean(new long[] {2});
    }
}
