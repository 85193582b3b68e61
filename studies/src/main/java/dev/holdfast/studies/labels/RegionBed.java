package dev.holdfast.studies.labels;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.augment.CropAndFlip;
import dev.holdfast.data.augment.ResizedCrop;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.data.source.Splits;
import dev.holdfast.distill.store.Compression;
import dev.holdfast.distill.store.RegionDistillation;
import dev.holdfast.distill.store.SoftLabelStore;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.layer.Norm;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.study.StudyContext;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Images, and a teacher of them that was trained with weak crops on more images than the students get.
 *
 * @param lessons what the teacher learns from; the students' images are the first of them
 * @param train what students learn from
 * @param held what settings are chosen by
 */
record RegionBed(String name, Dataset lessons, Dataset train, Dataset held, Dataset test) {
    private static final int CHUNK = 500;
    private static final int FRAGMENTS = 2;
    private static final int FRAGMENT = 12;

    /** Numbers of images, and how long teacher and students are trained. */
    record Size(int lessons, int train, int held, int test, int teacherEpochs, int epochs, int batch) {}

    /** Student and teacher of a bed. */
    private static NetConfig net(List<Integer> channels, long steps) {
        return new NetConfig(
                new BackboneConfig(BackboneConfig.Kind.CONVNET, channels, Init.KAIMING_UNIFORM, Norm.BATCH),
                OptimizerConfig.adam(5e-3).withCosine(steps),
                true);
    }

    static RegionBed centred(DataPair data, Size size) {
        return of("fashion", data, size, d -> d);
    }

    /** Each object somewhere on a canvas of twice its side, over texture and fragments of other objects. */
    static RegionBed cluttered(DataPair data, Size size) {
        return of("clutter", data, size, RegionBed::canvases);
    }

    private static RegionBed of(String name, DataPair data, Size size, UnaryOperator<Dataset> change) {
        Rng rng = Rng.of(0).child("regions");
        int[] order = rng.child("rows").permutation(Math.toIntExact(data.train().size()));
        int lessons = Math.min(size.lessons, order.length - size.held);
        Dataset all = change.apply(data.train().subset(Arrays.copyOf(order, lessons)));
        Dataset held = data.train().subset(Arrays.copyOfRange(order, lessons, lessons + size.held));
        Dataset test = data.test()
                .subset(Splits.sample(
                        data.test().classIds(), Math.min(size.test, data.test().size()), rng.child("test")));
        return new RegionBed(
                name,
                all,
                all.subset(IntStream.range(0, Math.min(size.train, lessons)).toArray()),
                change.apply(held),
                change.apply(test));
    }

    private static Dataset canvases(Dataset objects) {
        int n = Math.toIntExact(objects.size());
        int side = Math.toIntExact(objects.schema().x().shape().get(1));
        List<Tensor> parts = new ArrayList<>();
        try (Scope all = Scope.open()) {
            for (int from = 0; from < n; from += CHUNK) {
                try (Scope s = Scope.open()) {
                    int[] at = IntStream.range(from, Math.min(n, from + CHUNK)).toArray();
                    Rng rng = Rng.of(objects.id(from)).child("canvas", n);
                    Tensor x = objects.rows(at).inputs().x();
                    Tensor scene = clutter(x, 2 * side, rng);
                    Tensor object = scattered(x, 2 * side, rng.child("object"));
                    parts.add(s.keep(torch.where(object.gt(Tensors.scalar(0.05)), object, scene)));
                }
            }
            Schema old = objects.schema();
            Schema.Field f = old.x();
            Schema schema = new Schema(
                    List.of(new Schema.Field(
                            f.name(), f.kind(), List.of(f.shape().get(0), 2L * side, 2L * side), f.vocabulary())),
                    old.target(),
                    old.classes(),
                    old.tree());
            long[] ids = IntStream.range(0, n).mapToLong(objects::id).toArray();
            return MemoryDataset.of(
                    schema,
                    Inputs.of(Tensors.cat(0, parts.toArray(Tensor[]::new))),
                    Target.ClassIds.of(objects.classIds()),
                    ids);
        }
    }

    private static Tensor clutter(Tensor x, int side, Rng rng) {
        long n = x.size(0);
        Tensor texture = torch.upsample_bilinear2d(
                rng.child("texture").uniform(n, 1, 9, 9),
                new long[] {side, side},
                false,
                new DoubleOptional(),
                new DoubleOptional());
        Tensor scene =
                texture.mul(Tensors.scalar(0.3)).add(rng.child("grain").uniform(n, 1, side, side), Tensors.scalar(0.1));
        ResizedCrop fragments = new ResizedCrop(0.1, 0.25, 1, 1, true, FRAGMENT, FRAGMENT);
        for (int k = 0; k < FRAGMENTS; k++) {
            Rng draws = rng.child("fragment", k);
            int[] of = draws.child("of").permutation((int) n);
            Tensor piece = fragments.cut(
                    x, of, fragments.draw((int) n, (int) x.size(2), (int) x.size(3), draws.child("region")));
            scene = torch.maximum(scene, scattered(piece, side, draws.child("place")));
        }
        return scene;
    }

    /** Small images anywhere on black canvases. */
    private static Tensor scattered(Tensor x, int side, Rng rng) {
        int n = (int) x.size(0);
        int pad = (side - (int) x.size(2)) / 2;
        Tensor middle = torch.constant_pad_nd(x, pad, pad, pad, pad);
        Batch b = new Batch(Inputs.of(middle), new Target.None(), Rows.of(new long[n]));
        return new CropAndFlip(pad, false).apply(b, rng).inputs().x();
    }

    ResizedCrop crop(double minArea) {
        List<Long> shape = train.schema().x().shape();
        return new ResizedCrop(
                minArea, 1, 3.0 / 4, 4.0 / 3, true, Math.toIntExact(shape.get(1)), Math.toIntExact(shape.get(2)));
    }

    /** Trains the teacher with labels as they are and crops of at least half the image; belongs to the caller's scope. */
    UnaryOperator<Tensor> teacher(StudyContext c, Size size) {
        RegionDistillation plain =
                new RegionDistillation(size.teacherEpochs, 1, size.batch, 1, RegionDistillation.Mixing.NONE);
        Net net = new Net(
                net(List.of(24, 48, 96), plain.steps(Math.toIntExact(lessons.size()))),
                lessons.schema(),
                Rng.of(0).child("teacher"));
        Live live = new Live(net, lessons, crop(0.5), null, size.batch, 1);
        for (int e = 0; e < size.teacherEpochs && !c.cancelled(); e++) {
            live.pass(Rng.of(0).child("teacher-pass", e));
        }
        return RegionDistillation.teacher(net::predict, lessons.schema().classes());
    }

    Net student(RegionDistillation how, long seed) {
        return new Net(
                net(List.of(8, 16, 32), how.steps(Math.toIntExact(train.size()))),
                train.schema(),
                Rng.of(seed).child("student"));
    }

    SoftLabelStore store(UnaryOperator<Tensor> teacher, int crops, long seed) {
        return SoftLabelStore.record(
                train,
                teacher,
                new SoftLabelStore.Config(crops, crop(0.1), Compression.top(3), false),
                Rng.of(seed).child("store"),
                (done, total, what) -> {});
    }

    static double accuracy(Net net, Dataset rows) {
        return 100
                * RegionDistillation.accuracy(
                        RegionDistillation.teacher(net::predict, rows.schema().classes()), rows);
    }

    /**
     * Training with regions that are drawn anew and a teacher that is asked at every step, or none: then with the labels.
     */
    record Live(Net net, Dataset images, ResizedCrop crop, UnaryOperator<Tensor> teacher, int batch, int crops) {
        void pass(Rng rng) {
            int n = Math.toIntExact(images.size());
            List<Long> shape = images.schema().x().shape();
            int[] truth = images.schema().classes().columnsOf(images.classIds());
            int classes = images.schema().classes().size();
            int[] order = rng.child("order").permutation(n);
            int atOnce = Math.max(1, batch / crops);
            for (int from = 0; from < n; from += atOnce) {
                int[] rows = Arrays.copyOfRange(order, from, Math.min(n, from + atOnce));
                int[] imageOf = IntStream.range(0, rows.length * crops)
                        .map(i -> i / crops)
                        .toArray();
                try (Scope step = Scope.open()) {
                    ResizedCrop.Regions where = crop.draw(
                            imageOf.length,
                            Math.toIntExact(shape.get(1)),
                            Math.toIntExact(shape.get(2)),
                            rng.child("regions", from));
                    Tensor x = crop.cut(images.rows(rows).inputs().x(), imageOf, where);
                    Tensor y = teacher != null
                            ? teacher.apply(x)
                            : Tensors.oneHot(
                                    Arrays.stream(imageOf)
                                            .map(i -> truth[rows[i]])
                                            .toArray(),
                                    classes,
                                    Tensors.zeros(ScalarType.Float, 1));
                    Batch b = new Batch(Inputs.of(x), new Target.Soft(y), Rows.of(new long[imageOf.length]));
                    Tensor scores = net.scores(b.inputs(), net.pass());
                    net.descend(
                            new CrossEntropy().value(net.lossInput(scores, b)).total(null));
                }
            }
        }
    }
}
