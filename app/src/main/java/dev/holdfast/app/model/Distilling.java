package dev.holdfast.app.model;

import dev.holdfast.app.compare.Settings;
import dev.holdfast.app.terminal.Console;
import dev.holdfast.data.Schema;
import dev.holdfast.data.catalog.DataCatalog;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.data.source.Progress;
import dev.holdfast.distill.store.LabelAdaptation;
import dev.holdfast.distill.store.RegionDistillation;
import dev.holdfast.distill.store.RegionDistillation.Training;
import dev.holdfast.distill.store.RegionReport;
import dev.holdfast.distill.store.SoftLabelStore;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.registry.ConfigBinder;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.registry.Registry;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.SafetensorsHeader;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * Makes a small model of a large one: the large one labels regions of images once, the small one learns from the labels.
 *
 * @param holdfast version of this program, for the student's card
 */
public record Distilling(Registry registry, String holdfast, Console console, BooleanSupplier cancelled) {
    /** Images on which the teacher is tried before it is believed. */
    private static final int TRIED = 2000;

    /**
     * What is to be made of what.
     *
     * @param teacher folder of a model of images
     * @param data images by name, the training part of which is labelled
     * @param student name of a learner around a network
     * @param settings options NAME.OPTION=VALUE of the student
     * @param crops regions of every image
     * @param labels how they are cleaned
     * @param how how the student is trained
     * @param store file of labels: read if it is there, else written; null for none
     * @param out folder of the student; null to train none
     */
    public record Order(
            Path teacher,
            String data,
            DataOptions options,
            String student,
            List<String> settings,
            int crops,
            boolean half,
            LabelAdaptation labels,
            RegionDistillation how,
            long seed,
            Path store,
            Path out) {}

    /**
     * What came of it.
     *
     * @param teacher accuracy on test images
     * @param student the same; NaN where none was trained
     */
    public record Done(RegionReport regions, double teacher, double student) {}

    /** Runs all of it; a cancelled run throws a {@link CancellationException} and writes no student. */
    public Done run(Order o) {
        if (o.out != null) {
            if (ModelFile.exists(o.out)) {
                throw new IllegalArgumentException(
                        "There is a model in " + o.out + " already.\nMaybe choose another --out.");
            }
            ModelFile.requireFree(o.out);
        }
        // a wrong option of the student is told before the teacher works for an hour
        studentOf(o, registry.learner(o.student), 1);
        try (Scope all = Scope.open();
                Model teacher = Model.read(o.teacher, registry)) {
            teacher.requireFinished(o.teacher);
            Schema.Field field = teacher.schema().x();
            if (field.kind() != Schema.Field.Kind.IMAGE) {
                throw new IllegalArgumentException("The model " + o.teacher + " reads a " + field.kind() + " of shape "
                        + field.shape() + ", but regions are cut out of images.");
            }
            DataPair pair = open(o);
            new Source(pair.name(), pair.note(), pair.train(), pair.preprocessing()).requireLike(teacher.schema());
            UnaryOperator<Tensor> asked = RegionDistillation.teacher(
                    x -> teacher.learner().predict(x), pair.schema().classes());
            int tried = (int) Math.min(TRIED, pair.train().size());
            RegionDistillation.requireCompetent(
                    asked, pair.train().subset(IntStream.range(0, tried).toArray()));
            SoftLabelStore store = store(o, pair, asked).adapt(o.labels, pair.train());
            RegionReport report = store.report(pair.train());
            double right = RegionDistillation.accuracy(asked, pair.test());
            return new Done(
                    report, right, o.out == null ? Double.NaN : train(o, registry.learner(o.student), pair, store));
        }
    }

    private DataPair open(Order o) {
        try (Console.Reading reading = console.reading()) {
            return DataCatalog.open(o.data, o.options, reading);
        }
    }

    private SoftLabelStore store(Order o, DataPair pair, UnaryOperator<Tensor> teacher) {
        try {
            if (o.store != null && Files.exists(o.store)) {
                SoftLabelStore s = SoftLabelStore.read(o.store);
                s.requireImages(pair.train());
                console.say(String.format(
                        Locale.ROOT,
                        "Labels of %,d images with %d regions each from %s; the teacher is not asked.",
                        s.images(),
                        s.config().crops(),
                        o.store));
                return s;
            }
            List<Long> shape = pair.schema().x().shape();
            SoftLabelStore.Config like = SoftLabelStore.Config.of(
                    o.crops,
                    Math.toIntExact(shape.get(1)),
                    Math.toIntExact(shape.get(2)),
                    pair.schema().classes().size());
            SoftLabelStore s;
            try (Console.Reading reading = console.reading()) {
                Progress progress = (done, total, what) -> {
                    reading.at(done, total, what);
                    stopIfCancelled();
                };
                s = SoftLabelStore.record(
                        pair.train(),
                        teacher,
                        new SoftLabelStore.Config(like.crops(), like.crop(), like.labels(), o.half),
                        Rng.of(o.seed).child("regions"),
                        progress);
            }
            if (o.store != null) {
                s.write(o.store);
                console.say(String.format(
                        Locale.ROOT, "%s: %,d bytes an image.", o.store, Files.size(o.store) / s.images()));
            }
            return s;
        } catch (SafetensorsHeader.FormatException e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        } catch (IOException e) {
            throw new UncheckedIOException("The store " + o.store + " cannot be used: " + e.getMessage(), e);
        }
    }

    private void stopIfCancelled() {
        if (cancelled.getAsBoolean()) {
            throw new CancellationException("Cut off; no student was written.");
        }
    }

    /** The student's options: all classes from the start, the rate falling to 0 over its steps, unless told otherwise. */
    private <C extends Record> C studentOf(Order o, LearnerPlugin<C> plugin, long steps) {
        boolean net = Arrays.stream(plugin.defaults().getClass().getRecordComponents())
                .anyMatch(c -> c.getName().equals("net") && c.getType() == NetConfig.class);
        if (!net) {
            throw new IllegalArgumentException("Learner '" + plugin.name()
                    + "' is not trained as one network, so it cannot be a student.\nMaybe --student finetune.");
        }
        List<String> given = new ArrayList<>(List.of(
                plugin.name() + ".net.allClassesFromStart=true",
                plugin.name() + ".net.optimizer.cosineSteps=" + steps));
        String prefix = plugin.name() + ".";
        o.settings.forEach(s -> given.add(s.startsWith(prefix) ? s : prefix + s));
        return Settings.of(registry, null, given).bind(plugin.name(), plugin.defaults());
    }

    private <C extends Record> double train(Order o, LearnerPlugin<C> plugin, DataPair pair, SoftLabelStore store) {
        long steps = o.how.steps(store.images());
        C config = studentOf(o, plugin, steps);
        try (Model model = Model.fresh(holdfast, plugin, config, o.seed, pair.schema(), pair.preprocessing())) {
            if (!(model.learner() instanceof NetLearner learner)) {
                throw new IllegalArgumentException("Learner '" + plugin.name()
                        + "' is not one network, so it cannot be a student.\nMaybe --student finetune.");
            }
            Net net = learner.net();
            Training training =
                    o.how.start(store, pair.train(), net, Rng.of(o.seed).child("distill"));
            try (Console.Meter meter = console.meter("distill", " epochs", o.how.epochs())) {
                while (training.hasNext()) {
                    stopIfCancelled();
                    training.pass();
                    meter.at(training.epoch(), String.format(Locale.ROOT, "loss %.4f", training.loss()));
                }
            }
            ModelCard.Request request = new ModelCard.Request(
                    o.data,
                    List.of(
                            "teacher=" + o.teacher,
                            "regions=" + store.config().crops(),
                            "labels=" + o.labels,
                            "training=" + o.how),
                    plugin.name(),
                    ConfigBinder.json(config),
                    o.seed,
                    o.how.epochs(),
                    o.how.batch(),
                    true,
                    0);
            long rows = (long) store.images() * o.how.epochs();
            model.write(
                    o.out, model.card().after(new ModelCard.Lesson(request, rows, net.step(), Map.of())), new State());
            return RegionDistillation.accuracy(
                    RegionDistillation.teacher(net::predict, pair.schema().classes()), pair.test());
        }
    }
}
