package dev.holdfast.distill.store;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.data.augment.BatchTransform;
import dev.holdfast.data.augment.CutMix;
import dev.holdfast.data.augment.Mixup;
import dev.holdfast.data.augment.SelfMix;
import dev.holdfast.learner.Net;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.loss.LossValue;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;

/**
 * Trains a student from a store of soft labels, without its teacher:
 *
 * <pre>
 * while epochs are left
 *     every image once, in batches of batch / m images:  cut m kept regions of each out;  mix;
 *         step down  - sum_c y_c log softmax(z / temperature)_c,  mean over the regions
 *     epochs += m
 * </pre>
 *
 * m is {@code cropsPerImage}, so that an image is read once for m regions, and 1 in the last {@code cropsPerImage} epochs; an
 * epoch is one region of every image, so the training is as long as one with a region at a time. The loss is one term: no
 * hard label beside it, no factor.
 *
 * <p>Shen, Xing, <i>A Fast Knowledge Distillation Framework for Visual Recognition</i>, arXiv 2112.01528; Shen, <i>FerKD</i>,
 * arXiv 2312.17473.
 *
 * @param epochs regions of every image that are learnt from, >= 1
 * @param cropsPerImage m, >= 1
 * @param batch regions a step, a multiple of {@code cropsPerImage}
 * @param temperature > 0
 * @param mixing whether and with whom regions are mixed
 */
public record RegionDistillation(
        @Doc("regions of every image that are learnt from") int epochs,
        @Doc("regions of an image in one batch") int cropsPerImage,
        @Doc("regions a step") int batch,
        @Doc("divides the student's logits") double temperature,
        @Doc("whether and with whom regions are mixed") Mixing mixing) {
    private static final int CHUNK = 1000;

    /** With whom a region is mixed. */
    public enum Mixing {
        NONE,
        /** Other regions of its image. */
        SELF,
        /** A box of any other region of the batch. */
        CUTMIX,
        /** A blend with any other region of the batch. */
        MIXUP;

        BatchTransform transform(ClassIndex columns) {
            return switch (this) {
                case NONE -> (b, rng) -> b;
                case SELF -> new SelfMix();
                case CUTMIX -> new CutMix(1, columns);
                case MIXUP -> new Mixup(0.8, columns);
            };
        }
    }

    public RegionDistillation {
        if (epochs < 1 || cropsPerImage < 1 || batch < 1) {
            throw new IllegalArgumentException("epochs, cropsPerImage and batch must be >= 1 but are " + epochs + ", "
                    + cropsPerImage + " and " + batch + ".");
        }
        if (batch % cropsPerImage != 0) {
            throw new IllegalArgumentException("A batch of " + batch + " regions cannot hold " + cropsPerImage
                    + " of each image; expected a multiple.");
        }
        if (!(temperature > 0)) {
            throw new IllegalArgumentException("A temperature must be > 0 but is " + temperature + ".");
        }
    }

    /** Four regions of an image at a time, temperature 1, mixed with each other. */
    public static RegionDistillation of(int epochs, int batch) {
        return new RegionDistillation(epochs, 4, batch, 1, Mixing.SELF);
    }

    public RegionDistillation withMixing(Mixing m) {
        return new RegionDistillation(epochs, cropsPerImage, batch, temperature, m);
    }

    /** Steps that training on so many images takes. */
    public long steps(int images) {
        long steps = 0;
        for (int e = 0; e < epochs; e += cropsAt(e)) {
            int atOnce = Math.max(1, batch / cropsAt(e));
            steps += (images + atOnce - 1) / atOnce;
        }
        return steps;
    }

    /** Regions of each image in the pass that begins after so many epochs. */
    public int cropsAt(int epoch) {
        int multi = epochs - cropsPerImage - epoch;
        return multi > 0 ? Math.min(cropsPerImage, multi) : 1;
    }

    /**
     * A teacher as a function of images to probabilities over the data's classes, in their order.
     *
     * @param predict what a learner says of rows: logits or probabilities
     */
    public static UnaryOperator<Tensor> teacher(Function<Inputs, Prediction> predict, ClassIndex classes) {
        return x -> {
            Prediction p = predict.apply(Inputs.of(x));
            Tensor q =
                    switch (p.kind()) {
                        case LOGITS -> p.scores().softmax(1);
                        case PROBABILITIES -> p.scores();
                        case SIGMOID_LOGITS, SCORES, VALUES ->
                            throw new IllegalArgumentException("The teacher gives " + p.kind()
                                    + ", of which no soft label can be made; expected LOGITS or PROBABILITIES.");
                    };
            int[] from = classes.columns().stream()
                    .mapToInt(c -> p.columns().columnOf(c.classId()))
                    .toArray();
            if (p.columns().size() == classes.size() && Arrays.equals(from, range(0, from.length))) {
                return q;
            }
            // a class that the teacher does not know has no probability: a column of zeros behind the others
            Tensor wider = Tensors.cat(1, q, Tensors.zerosLike(q, q.size(0), 1));
            int none = p.columns().size();
            return wider.index_select(
                    1,
                    Tensors.ids(Arrays.stream(from).map(c -> c < 0 ? none : c).toArray()));
        };
    }

    /**
     * Share of whole images of which the teacher names the class.
     *
     * @throws IllegalArgumentException if it is less than twice that of guessing: the teacher's classes are then most likely
     *     in another order than the data's
     */
    public static double requireCompetent(UnaryOperator<Tensor> teacher, Dataset data) {
        double right = accuracy(teacher, data);
        double chance = 1.0 / data.schema().classes().size();
        if (!(right >= 2 * chance)) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "The teacher names the class of %.1f %% of the images, and guessing names %.1f %%; expected at least"
                            + " twice that.%nMaybe its classes are in another order, or it was trained on other data.",
                    100 * right,
                    100 * chance));
        }
        return right;
    }

    /** Share of whole images of which a function to scores over the data's classes names the class. */
    public static double accuracy(UnaryOperator<Tensor> scores, Dataset data) {
        Images.shape(data.schema());
        int n = Math.toIntExact(data.size());
        int[] truth = data.schema().classes().columnsOf(data.classIds());
        int right = 0;
        for (int from = 0; from < n; from += CHUNK) {
            try (Scope s = Scope.open()) {
                int[] at = range(from, Math.min(n, from + CHUNK));
                int[] said =
                        Tensors.ints(scores.apply(data.rows(at).inputs().x()).argmax(new LongOptional(1), false));
                for (int i = 0; i < said.length; i++) {
                    right += said[i] == truth[at[i]] ? 1 : 0;
                }
            }
        }
        return n == 0 ? Double.NaN : (double) right / n;
    }

    private static int[] range(int from, int to) {
        return IntStream.range(from, to).toArray();
    }

    /**
     * Training that has not begun yet.
     *
     * @param images where the store's images are found by id; its other rows are not looked at
     * @param student has a column for every class of the store from the start, in its order
     */
    public Training start(SoftLabelStore store, Dataset images, Net student, Rng rng) {
        store.requireImages(images);
        List<String> columns = student.columns().columns().stream()
                .map(ClassIndex.Column::name)
                .toList();
        if (!columns.equals(store.classes())) {
            throw new IllegalArgumentException("The student's columns are " + columns + " but the store has labels of "
                    + store.classes() + ".\nMaybe the student's net.allClassesFromStart is to be true.");
        }
        List<Long> shape = images.schema().x().shape();
        if (shape.get(1) != store.config().crop().height()
                || shape.get(2) != store.config().crop().width()) {
            throw new IllegalArgumentException("The store's regions are cut out as "
                    + store.config().crop().height() + " x "
                    + store.config().crop().width()
                    + " pixels but the student was made for " + shape.get(1) + " x " + shape.get(2) + ".");
        }
        return new Training(this, store, images, student, rng);
    }

    /** Trains from the first epoch to the last. */
    public Training run(SoftLabelStore store, Dataset images, Net student, Rng rng) {
        Training t = start(store, images, student, rng);
        while (t.hasNext()) {
            t.pass();
        }
        return t;
    }

    /** Training between two passes; its student belongs to the caller. One thread. */
    public static final class Training {
        private final RegionDistillation how;
        private final SoftLabelStore store;
        private final Dataset images;
        private final Net student;
        private final Rng rng;
        private final Map<Long, Integer> row;
        private final BatchTransform mix;
        private final CrossEntropy loss = new CrossEntropy(0, LossValue.Reduction.MEAN_KEPT);
        private int epoch;
        private double lastLoss = Double.NaN;

        private Training(RegionDistillation how, SoftLabelStore store, Dataset images, Net student, Rng rng) {
            this.how = how;
            this.store = store;
            this.images = images;
            this.student = student;
            this.rng = rng;
            this.row = Images.places(images);
            this.mix = how.mixing.transform(student.columns());
        }

        public boolean hasNext() {
            return epoch < how.epochs;
        }

        /** Epochs done: regions of every image that were learnt from. */
        public int epoch() {
            return epoch;
        }

        /** Mean loss of the last pass. */
        public double loss() {
            return lastLoss;
        }

        /** One pass over all images; counts as many epochs as it takes regions of each. */
        public void pass() {
            int m = how.cropsAt(epoch);
            Rng draws = rng.child("pass", epoch);
            int[] order = draws.child("order").permutation(store.images());
            int atOnce = Math.max(1, how.batch / m);
            double sum = 0;
            for (int from = 0; from < order.length; from += atOnce) {
                int[] which = Arrays.copyOfRange(order, from, Math.min(order.length, from + atOnce));
                try (Scope step = Scope.open()) {
                    Batch b = batch(which, m, draws.child("regions", from));
                    sum += which.length * step(mix.apply(b, draws.child("mix", from)));
                }
            }
            lastLoss = sum / order.length;
            epoch += m;
        }

        /** m kept regions of each image, those of an image one after the other; equal row ids are one image. */
        Batch batch(int[] which, int m, Rng draws) {
            int[] at = new int[which.length * m];
            int[] imageOf = new int[at.length];
            long[] ids = new long[at.length];
            for (int i = 0; i < which.length; i++) {
                int[] kept = store.kept(which[i]);
                draws.shuffle(kept);
                for (int j = 0; j < m; j++) {
                    // an image with fewer kept regions than are wanted shows some again
                    at[i * m + j] = kept[j % kept.length];
                    imageOf[i * m + j] = i;
                    ids[i * m + j] = store.id(which[i]);
                }
            }
            int[] rows = Arrays.stream(which).map(i -> row.get(store.id(i))).toArray();
            Tensor x = store.config().crop().cut(images.rows(rows).inputs().x(), imageOf, store.regions(at));
            return new Batch(Inputs.of(x), new Target.Soft(store.labels(at)), Rows.of(ids));
        }

        private double step(Batch b) {
            Tensor z = student.scores(b.inputs(), student.pass());
            Tensor scaled = how.temperature == 1 ? z : z.div(Tensors.scalar(how.temperature));
            Tensor total =
                    loss.value(student.lossInput(scaled, b)).total(b.rows().weights());
            student.descend(total);
            return total.item_double();
        }
    }
}
