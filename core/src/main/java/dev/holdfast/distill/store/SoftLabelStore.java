package dev.holdfast.distill.store;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.augment.ResizedCrop;
import dev.holdfast.data.augment.ResizedCrop.Regions;
import dev.holdfast.data.source.Progress;
import dev.holdfast.distill.store.Compression.Kept;
import dev.holdfast.distill.store.LabelAdaptation.Region;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * What a teacher said, once, of R random regions of every image: where each region is, whether it is mirrored, and its soft
 * label in compressed form. A student learns from it without the teacher: the same region is cut out again, bit for bit,
 * from its coordinates.
 *
 * <p>Region {@code r} of image {@code i} has position {@code i R + r}. Shen, Xing, <i>A Fast Knowledge Distillation Framework
 * for Visual Recognition</i>, arXiv 2112.01528; {@link #adapt} is the cleaning of Shen, arXiv 2312.17473. Immutable; safe from
 * any thread.
 */
public final class SoftLabelStore {
    private static final int CHUNK = 1 << 16;

    /** Regions shown to the teacher at once. */
    private static final int SHOWN = 1024;

    private static final double SLACK = 1e-3;

    /**
     * @param crops R, >= 1
     * @param half whether coordinates and probabilities are kept in 16 bits
     */
    public record Config(
            @Doc("regions of every image") int crops,
            ResizedCrop crop,
            Compression labels,
            @Doc("keep coordinates and probabilities in 16 bits") boolean half) {
        public Config {
            if (crops < 1) {
                throw new IllegalArgumentException("A store needs at least one region an image but has " + crops + ".");
            }
        }

        /** So many regions of this size, the five largest probabilities each (fewer classes: all). */
        public static Config of(int crops, int height, int width, int classes) {
            return new Config(
                    crops, ResizedCrop.of(height, width), classes > 5 ? Compression.top(5) : Compression.full(), false);
        }
    }

    /**
     * Cleaned labels.
     *
     * @param policy with thresholds that are confidences
     * @param region what each region is, as the order of {@link Region} [n R]
     * @param truth true column of each image [n]
     * @param rescued images of which all regions were to be discarded and one was kept
     */
    record Adapted(LabelAdaptation policy, byte[] region, int[] truth, int rescued) {}

    private final Config config;
    private final List<String> classes;
    private final long[] ids;
    private final Regions regions;
    private final Kept kept;
    private final Adapted adapted;
    private final Map<Long, Integer> place = new HashMap<>();

    SoftLabelStore(Config config, List<String> classes, long[] ids, Regions regions, Kept kept, Adapted adapted) {
        this.config = config;
        this.classes = List.copyOf(classes);
        this.ids = ids;
        this.regions = regions;
        this.kept = kept;
        this.adapted = adapted;
        for (int i = 0; i < ids.length; i++) {
            if (place.put(ids[i], i) != null) {
                throw new IllegalArgumentException("Image " + ids[i] + " is in the store twice.");
            }
        }
    }

    /**
     * Shows the teacher R regions of every image.
     *
     * @param data images [c, h, w] with ids that differ
     * @param teacher images [n, c, height, width] to probabilities [n, C] over the data's classes
     * @param rng where the regions are drawn; those of an image depend on its id alone
     */
    public static SoftLabelStore record(
            Dataset data, UnaryOperator<Tensor> teacher, Config config, Rng rng, Progress progress) {
        int n = Math.toIntExact(data.size());
        if (n == 0) {
            throw new IllegalArgumentException("There are no images to label.");
        }
        List<Long> shape = Images.shape(data.schema());
        int r = config.crops;
        float[] box = new float[4 * n * r];
        boolean[] flip = new boolean[n * r];
        long[] ids = new long[n];
        for (int i = 0; i < n; i++) {
            ids[i] = data.id(i);
            Regions drawn = config.crop.draw(
                    r, Math.toIntExact(shape.get(1)), Math.toIntExact(shape.get(2)), rng.child("image", ids[i]));
            System.arraycopy(drawn.box(), 0, box, 4 * i * r, 4 * r);
            System.arraycopy(drawn.flip(), 0, flip, i * r, r);
        }
        Regions regions = new Regions(config.half ? rounded(box) : box, flip);
        return label(data, teacher, config, ids, regions, progress);
    }

    /** The same regions with what another teacher says of them; not adapted. */
    public SoftLabelStore relabel(Dataset data, UnaryOperator<Tensor> teacher, Compression labels, Progress progress) {
        Config as = new Config(config.crops, config.crop, labels, config.half);
        return label(requireImages(data), teacher, as, ids, regions, progress);
    }

    private static SoftLabelStore label(
            Dataset data,
            UnaryOperator<Tensor> teacher,
            Config config,
            long[] ids,
            Regions regions,
            Progress progress) {
        List<String> classes = Images.classNames(data.schema());
        config.labels.requireFits(classes.size());
        int width = config.labels.width(classes.size());
        int n = ids.length;
        int r = config.crops;
        Map<Long, Integer> row = Images.places(data);
        ScalarType number = config.half ? ScalarType.Half : ScalarType.Float;
        try (Scope all = Scope.open();
                var mode = Autograd.noGrad()) {
            Tensor value = Tensors.empty(number, (long) n * r, width);
            Tensor index = config.labels.kind() == Compression.Kind.FULL
                    ? null
                    : Tensors.empty(idType(classes.size()), (long) n * r, width);
            int atOnce = Math.max(1, SHOWN / r);
            for (int from = 0; from < n; from += atOnce) {
                int to = Math.min(n, from + atOnce);
                int first = from;
                try (Scope s = Scope.open()) {
                    int[] rows =
                            IntStream.range(from, to).map(i -> row.get(ids[i])).toArray();
                    int[] at = IntStream.range(from * r, to * r).toArray();
                    int[] imageOf = Arrays.stream(at).map(p -> p / r - first).toArray();
                    Tensor seen = config.crop.cut(data.rows(rows).inputs().x(), imageOf, part(regions, at));
                    Tensor p = teacher.apply(seen);
                    requireProbabilities(p, at.length, classes.size());
                    Kept k = config.labels.keep(p);
                    Tensors.slice(value, at[0], at[0] + at.length).copy_(k.value());
                    if (index != null) {
                        Tensors.slice(index, at[0], at[0] + at.length).copy_(k.index());
                    }
                }
                progress.at(to, n, "images labelled");
            }
            return new SoftLabelStore(
                    config,
                    classes,
                    ids,
                    regions,
                    new Kept(index == null ? null : Scope.own(index), Scope.own(value)),
                    null);
        }
    }

    static ScalarType idType(int classes) {
        return classes <= Short.MAX_VALUE ? ScalarType.Short : ScalarType.Int;
    }

    private static float[] rounded(float[] a) {
        try (Scope s = Scope.open()) {
            return Tensors.floats(Tensors.of(a, a.length).to(ScalarType.Half));
        }
    }

    private static void requireProbabilities(Tensor p, int n, int classes) {
        Tensors.requireShape("answers of the teacher", p, n, classes);
        Tensors.requireFinite("The teacher's answers", p);
        try (Scope s = Scope.open()) {
            double least = p.min().item_double();
            double off = p.sum(1).sub(Tensors.scalar(1)).abs().max().item_double();
            if (least < 0 || off > SLACK) {
                throw new IllegalArgumentException("The teacher's answers are no probabilities: the smallest is "
                        + least + " and a row's sum is off 1 by " + off
                        + ".\nMaybe they are logits: apply a softmax first.");
            }
        }
    }

    private static Regions part(Regions all, int[] at) {
        float[] box = new float[4 * at.length];
        boolean[] flip = new boolean[at.length];
        for (int i = 0; i < at.length; i++) {
            System.arraycopy(all.box(), 4 * at[i], box, 4 * i, 4);
            flip[i] = all.flip()[at[i]];
        }
        return new Regions(box, flip);
    }

    public Config config() {
        return config;
    }

    /** Names of the classes, in the order of the labels' columns. */
    public List<String> classes() {
        return classes;
    }

    /** Number of images. */
    public int images() {
        return ids.length;
    }

    /** Id of an image. */
    public long id(int image) {
        return ids[image];
    }

    /** Place of an image by its id; one that is not there is an error. */
    public int image(long id) {
        Integer i = place.get(id);
        if (i == null) {
            throw new IllegalArgumentException("There is no image with id " + id + " in the store.");
        }
        return i;
    }

    /** Where the regions at these positions are. */
    public Regions regions(int... at) {
        return part(regions, at);
    }

    /** The labels to be learnt at these positions [n, C], cleaned if the store is; in the caller's scope. */
    public Tensor labels(int... at) {
        Tensor said = answers(at);
        if (adapted == null) {
            return said;
        }
        boolean[] hard = new boolean[at.length];
        int[] truth = new int[at.length];
        for (int i = 0; i < at.length; i++) {
            hard[i] = region(at[i]) == Region.HARD;
            truth[i] = adapted.truth[at[i] / config.crops];
        }
        return LabelAdaptation.teachTruth(said, hard, truth, adapted.policy.epsilon());
    }

    /** What the teacher said at these positions [n, C], whatever the store was adapted to; in the caller's scope. */
    public Tensor answers(int... at) {
        try (Scope s = Scope.open()) {
            Tensor rows = Tensors.ids(at);
            Tensor value = kept.value().index_select(0, rows).to(ScalarType.Float);
            Tensor index = kept.index() == null ? null : kept.index().index_select(0, rows);
            return s.keep(config.labels.recover(new Kept(index, value), classes.size()));
        }
    }

    /** What the region at a position is; IMPORTANT for all where the store is not adapted. */
    public Region region(int at) {
        return adapted == null ? Region.IMPORTANT : Region.values()[adapted.region[at]];
    }

    /** Positions of the regions of an image that are learnt from, at least one. */
    public int[] kept(int image) {
        return IntStream.range(image * config.crops, (image + 1) * config.crops)
                .filter(at -> region(at).kept())
                .toArray();
    }

    /** What the store was adapted by, its thresholds as confidences. */
    public Optional<LabelAdaptation> adaptation() {
        return Optional.ofNullable(adapted).map(Adapted::policy);
    }

    /** Confidence of every region [n R]: as the teacher said it, before compression spread the rest. */
    double[] confidences(LabelAdaptation.Confidence kind, int[] truth) {
        int n = regions.size();
        double[] c = new double[n];
        for (int from = 0; from < n; from += CHUNK) {
            try (Scope s = Scope.open()) {
                int[] at = IntStream.range(from, Math.min(n, from + CHUNK)).toArray();
                Tensor part;
                if (kind == LabelAdaptation.Confidence.MAX) {
                    part = Tensors.slice(kept.value(), from, from + at.length).amax(new long[] {1}, false);
                } else {
                    int[] own =
                            Arrays.stream(at).map(p -> truth[p / config.crops]).toArray();
                    part = answers(at).gather(1, Tensors.ids(own).unsqueeze(1)).squeeze(1);
                }
                System.arraycopy(Tensors.doubles(part), 0, c, from, at.length);
            }
        }
        return c;
    }

    /**
     * The same regions and answers, cleaned; an adapted store begins again from the teacher's answers, so that adapting
     * twice is adapting once. Of an image whose regions would all be discarded, the one with the median confidence is kept
     * and gets the true class.
     *
     * @param data where the true classes are found by id
     */
    public SoftLabelStore adapt(LabelAdaptation policy, Dataset data) {
        int[] truth = truth(requireImages(data));
        double[] s = confidences(policy.confidence(), truth);
        LabelAdaptation resolved = policy.resolve(s);
        byte[] code = new byte[s.length];
        int rescued = 0;
        int r = config.crops;
        for (int i = 0; i < ids.length; i++) {
            boolean any = false;
            for (int at = i * r; at < (i + 1) * r; at++) {
                Region region = resolved.region(s[at]);
                code[at] = (byte) region.ordinal();
                any |= region.kept();
            }
            if (!any) {
                code[median(s, i * r, r)] = (byte) Region.HARD.ordinal();
                rescued++;
            }
        }
        return new SoftLabelStore(config, classes, ids, regions, kept, new Adapted(resolved, code, truth, rescued));
    }

    /** Position of the median (of an even number the lower one); ties go to the first. */
    private static int median(double[] s, int from, int count) {
        return IntStream.range(from, from + count)
                .boxed()
                .sorted((a, b) -> Double.compare(s[a], s[b]))
                .skip((count - 1) / 2)
                .findFirst()
                .orElseThrow();
    }

    /** What the regions are, by class and by size, and how often the teacher was right there. */
    public RegionReport report(Dataset data) {
        int[] truth = truth(requireImages(data));
        RegionReport.Counter counter = new RegionReport.Counter(classes);
        int n = regions.size();
        for (int from = 0; from < n; from += CHUNK) {
            try (Scope s = Scope.open()) {
                int to = Math.min(n, from + CHUNK);
                Tensor part = Tensors.slice(kept.value(), from, to);
                Tensor best = kept.index() == null
                        ? part.argmax(new LongOptional(1), false)
                        : Tensors.slice(Tensors.slice(kept.index(), from, to), 1, 0, 1);
                int[] said = Tensors.ints(best);
                for (int at = from; at < to; at++) {
                    int y = truth[at / config.crops];
                    counter.add(region(at), y, regions.area(at), said[at - from] == y);
                }
            }
        }
        return counter.report(adaptation(), adapted == null ? 0 : adapted.rescued);
    }

    private int[] truth(Dataset data) {
        int[] column = data.schema().classes().columnsOf(data.classIds());
        Map<Long, Integer> row = Images.places(data);
        return Arrays.stream(ids).mapToInt(id -> column[row.get(id)]).toArray();
    }

    /** Refuses data that lack an image of the store, or have other classes or another order of them. */
    public Dataset requireImages(Dataset data) {
        List<String> theirs = Images.classNames(data.schema());
        if (!theirs.equals(classes)) {
            throw new IllegalArgumentException("The store's labels are of the classes " + classes
                    + " but the data have " + theirs + ".\nMaybe the store was made for other data.");
        }
        Map<Long, Integer> row = Images.places(data);
        List<Long> missing = new ArrayList<>();
        for (long id : ids) {
            if (!row.containsKey(id)) {
                missing.add(id);
            }
        }
        if (!missing.isEmpty()) {
            throw new IllegalArgumentException("The data lack " + missing.size() + " of the store's " + ids.length
                    + " images, the first of which has id " + missing.get(0)
                    + ".\nMaybe fewer rows were taken than when the store was made.");
        }
        return data;
    }

    Regions allRegions() {
        return regions;
    }

    Kept allKept() {
        return kept;
    }

    Adapted adapted() {
        return adapted;
    }

    /** Writes or replaces a file: what was there stands until all of the new one is on disk. */
    public void write(Path file) throws IOException {
        StoreFile.write(file, this);
    }

    /** Reads a file; a damaged, foreign or newer one is refused, and it stays as it is. */
    public static SoftLabelStore read(Path file) throws IOException {
        return StoreFile.read(file);
    }
}
