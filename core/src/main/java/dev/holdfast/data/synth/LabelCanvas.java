package dev.holdfast.data.synth;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * Grey canvases with a few small images each, and which classes of image are on them: label sets that go together as an
 * affinity between classes says, so that a label tells of others. Long tails and missing labels are put on afterwards ({@link
 * dev.holdfast.data.corrupt.LongTail}, {@link dev.holdfast.data.corrupt.MissingLabels}).
 *
 * <p>Images are scaled, placed at random with little overlap, and the brighter pixel wins; then light noise is added. Immutable;
 * safe from any thread.
 */
public final class LabelCanvas {
    private static final int TRIES = 20;
    private static final int CHUNK = 500;

    /**
     * @param side height and width of a canvas
     * @param minObjects fewest images of one
     * @param maxObjects most images of one, each of another class
     * @param minSize least side of an image on it
     * @param maxSize largest side of an image on it, at most {@code side}
     * @param overlap largest share of an image that another may cover, in [0, 1]
     * @param noise standard deviation of the noise, whites being 1
     */
    public record Config(
            int side, int minObjects, int maxObjects, int minSize, int maxSize, double overlap, double noise) {
        public Config {
            if (minObjects < 1 || maxObjects < minObjects || minSize < 2 || maxSize < minSize || side < maxSize) {
                throw new IllegalArgumentException("Expected 1 <= minObjects <= maxObjects and 2 <= minSize <= maxSize"
                        + " <= side but got " + minObjects + ", " + maxObjects + ", " + minSize + ", " + maxSize + ", "
                        + side + ".");
            }
            if (!(overlap >= 0 && overlap <= 1 && noise >= 0) || Double.isInfinite(noise)) {
                throw new IllegalArgumentException("Expected overlap in [0, 1] and a finite noise >= 0 but got "
                        + overlap + " and " + noise + ".");
            }
        }

        /** 56x56, one to four images of 20 to 28, at most 0.3 of one covered, noise 0.03. */
        public static Config defaults() {
            return new Config(56, 1, 4, 20, 28, 0.3, 0.03);
        }
    }

    /** Small images of one set: pixels, classes by column, positions of each class. */
    private record Pool(byte[] pixels, int height, int width, List<int[]> byClass) {}

    private final Config config;
    private final double[][] affinity;
    private final Schema schema;

    /**
     * @param names of all classes
     * @param affinity [class][class], >= 0: how readily the second joins the first
     */
    public LabelCanvas(Config config, List<String> names, double[][] affinity) {
        if (affinity.length != names.size() || names.size() < config.maxObjects) {
            throw new IllegalArgumentException("There are " + names.size() + " classes, affinities of "
                    + affinity.length + ", and canvases of up to " + config.maxObjects
                    + " images of different classes; expected as many affinities as classes, and at least as many classes"
                    + " as images.");
        }
        this.config = config;
        this.affinity = affinity;
        this.schema = Schema.of(
                new Schema.Field(
                        Inputs.X, Schema.Field.Kind.IMAGE, List.of(1L, (long) config.side, (long) config.side), 0),
                Target.MultiLabel.class,
                ClassIndex.named(names));
    }

    /** Random symmetric affinities {@code exp(1.5 g)}, g standard normal; 0 of a class to itself. */
    public static double[][] affinity(int classes, Rng rng) {
        double[][] a = new double[classes][classes];
        for (int i = 0; i < classes; i++) {
            for (int j = 0; j < i; j++) {
                a[i][j] = Math.exp(1.5 * rng.nextGaussian());
                a[j][i] = a[i][j];
            }
        }
        return a;
    }

    /** Names of the classes of several sets, one after the other. */
    public static List<String> names(List<Dataset> sets) {
        List<String> names = new ArrayList<>();
        sets.forEach(d -> d.schema().classes().columns().forEach(c -> names.add(c.name())));
        return names;
    }

    /**
     * So many canvases; byte images [n,1,side,side].
     *
     * @param sets grey byte images with one class each, whose classes follow each other
     */
    public MemoryDataset draw(List<Dataset> sets, int n, Rng rng) {
        List<Pool> pools = sets.stream().map(LabelCanvas::pool).toList();
        int classes = affinity.length;
        List<int[]> where = new ArrayList<>();
        for (int p = 0; p < pools.size(); p++) {
            for (int c = 0; c < pools.get(p).byClass.size(); c++) {
                where.add(new int[] {p, c});
            }
        }
        if (where.size() != classes) {
            throw new IllegalArgumentException(
                    "The sets have " + where.size() + " classes but the canvas has " + classes + ".");
        }
        int area = config.side * config.side;
        byte[] all = new byte[Math.multiplyExact(n, area)];
        float[] y = new float[n * classes];
        float[] canvas = new float[area];
        try (Scope scope = Scope.open()) {
            for (int from = 0; from < n; from += CHUNK) {
                int to = Math.min(n, from + CHUNK);
                float[] noise;
                try (Scope s = Scope.open()) {
                    noise = Tensors.floats(rng.child("noise", from).normal(to - from, area));
                }
                for (int i = from; i < to; i++) {
                    java.util.Arrays.fill(canvas, 0);
                    fill(canvas, y, i * classes, pools, where, rng.child("canvas", i));
                    for (int k = 0; k < area; k++) {
                        double v = canvas[k] + 255 * config.noise * noise[(i - from) * area + k];
                        all[i * area + k] = (byte) Math.round(Math.max(0, Math.min(255, v)));
                    }
                }
            }
            return MemoryDataset.of(
                    schema,
                    Inputs.of(Tensors.ofBytes(all, n, 1, config.side, config.side)),
                    new Target.MultiLabel(Tensors.of(y, n, classes), null));
        }
    }

    private void fill(float[] canvas, float[] y, int at, List<Pool> pools, List<int[]> where, Rng r) {
        int wanted = config.minObjects + r.below(config.maxObjects - config.minObjects + 1);
        int first = r.below(affinity.length);
        double[] readiness = affinity[first].clone();
        List<int[]> boxes = new ArrayList<>();
        for (int k = 0, c = first; k < wanted && c >= 0; k++, c = drawn(readiness, r)) {
            readiness[c] = 0;
            int size = config.minSize + r.below(config.maxSize - config.minSize + 1);
            int[] box = place(size, boxes, r);
            Pool pool = pools.get(where.get(c)[0]);
            int[] images = pool.byClass.get(where.get(c)[1]);
            if (box != null) {
                boxes.add(box);
                paint(canvas, pool, images[r.below(images.length)], box);
                y[at + c] = 1;
            }
        }
    }

    private static int drawn(double[] readiness, Rng r) {
        double u = r.next() * java.util.Arrays.stream(readiness).sum();
        int last = -1;
        for (int c = 0; c < readiness.length; c++) {
            if (readiness[c] > 0) {
                last = c;
                u -= readiness[c];
                if (u < 0) {
                    return c;
                }
            }
        }
        return last;
    }

    /** Left, top and side; null where there is no room. */
    private int[] place(int size, List<int[]> boxes, Rng r) {
        for (int t = 0; t < TRIES; t++) {
            int[] box = {r.below(config.side - size + 1), r.below(config.side - size + 1), size};
            if (boxes.stream().allMatch(b -> covered(b, box) <= config.overlap)) {
                return box;
            }
        }
        return null;
    }

    private static double covered(int[] a, int[] b) {
        int w = Math.min(a[0] + a[2], b[0] + b[2]) - Math.max(a[0], b[0]);
        int h = Math.min(a[1] + a[2], b[1] + b[2]) - Math.max(a[1], b[1]);
        int smaller = Math.min(a[2], b[2]);
        return w <= 0 || h <= 0 ? 0 : (double) w * h / (smaller * smaller);
    }

    /** Bilinear scaling to the box. */
    private void paint(float[] canvas, Pool pool, int image, int[] box) {
        int from = image * pool.height * pool.width;
        for (int v = 0; v < box[2]; v++) {
            double sy = (double) v * (pool.height - 1) / (box[2] - 1);
            int y0 = Math.min((int) sy, pool.height - 2);
            double fy = sy - y0;
            for (int u = 0; u < box[2]; u++) {
                double sx = (double) u * (pool.width - 1) / (box[2] - 1);
                int x0 = Math.min((int) sx, pool.width - 2);
                double fx = sx - x0;
                int p = from + y0 * pool.width + x0;
                double top = (1 - fx) * (pool.pixels[p] & 255) + fx * (pool.pixels[p + 1] & 255);
                double low =
                        (1 - fx) * (pool.pixels[p + pool.width] & 255) + fx * (pool.pixels[p + pool.width + 1] & 255);
                int at = (box[1] + v) * config.side + box[0] + u;
                canvas[at] = Math.max(canvas[at], (float) ((1 - fy) * top + fy * low));
            }
        }
    }

    private static Pool pool(Dataset d) {
        Schema.Field f = d.schema().x();
        if (f.kind() != Schema.Field.Kind.IMAGE
                || f.shape().get(0) != 1
                || f.shape().get(1) < 2
                || f.shape().get(2) < 2) {
            throw new IllegalArgumentException(
                    "A canvas is painted with grey images but field '" + f.name() + "' has shape " + f.shape() + ".");
        }
        long[] y = d.classIds();
        int[] column = d.schema().classes().columnsOf(y);
        List<int[]> byClass = new ArrayList<>();
        for (int c = 0; c < d.schema().classes().size(); c++) {
            int of = c;
            int[] at = IntStream.range(0, column.length)
                    .filter(i -> column[i] == of)
                    .toArray();
            if (at.length == 0) {
                throw new IllegalArgumentException(
                        "Class '" + d.schema().classes().columns().get(c).name() + "' has no image to paint with.");
            }
            byClass.add(at);
        }
        try (Scope s = Scope.open()) {
            Batch all = d.rows(IntStream.range(0, y.length).toArray());
            Tensor x = all.inputs().tensor(f.name());
            if (x.is_floating_point()) {
                throw new IllegalArgumentException(
                        "A canvas is painted with images of bytes but field '" + f.name() + "' has fractions.");
            }
            return new Pool(
                    Tensors.bytes(x),
                    f.shape().get(1).intValue(),
                    f.shape().get(2).intValue(),
                    byClass);
        }
    }
}
