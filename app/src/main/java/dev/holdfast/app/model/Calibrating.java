package dev.holdfast.app.model;

import dev.holdfast.app.report.CalibrationPage.Result;
import dev.holdfast.calibrate.PostProcessor;
import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.Splits;
import dev.holdfast.evaluate.calibration.CalibrationMetric;
import dev.holdfast.evaluate.calibration.LabelledProbabilities;
import dev.holdfast.evaluate.calibration.Reliability;
import dev.holdfast.registry.CalibratorPlugin;
import dev.holdfast.registry.ConfigBinder;
import dev.holdfast.run.RunContext;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * Fits calibrators on one half of held-out rows and measures them on the other. Belongs to the scope that it was made in;
 * one thread.
 */
public final class Calibrating {
    private static final int BATCH = 512;
    private static final int BINS = 15;
    /** With fewer rows a half no measure says anything. */
    private static final int LEAST = 10;
    /** With fewer rows a half ECE is mostly noise. */
    private static final int FEW = 500;

    private final Model model;
    private final String data;
    private final Prediction fitOn;
    private final Target fitLabels;
    private final Prediction testOn;
    private final int[] testColumns;
    private final List<String> warnings = new ArrayList<>();

    /** A fitted calibrator, its options, and how it did. */
    public record Fitted(Result result, String configuration, PostProcessor processor) {}

    /** Predicts the rows and deals them. */
    public Calibrating(Model model, Source source, String data, long seed, RunContext c) {
        this.model = model;
        this.data = data;
        if (model.schema().target() != Target.ClassIds.class) {
            throw new IllegalArgumentException("The model names "
                    + model.schema().target().getSimpleName()
                    + "; calibrated are models that name one class a row.");
        }
        source.requireLike(model.schema()).requireLabelled();
        List<Tensor> scores = new ArrayList<>();
        List<long[]> labels = new ArrayList<>();
        Prediction last = null;
        long rows = 0;
        try (Loader loader = source.rows().batches(Pace.inOrder(BATCH), Rng.of(0))) {
            while (loader.hasNext() && !c.cancelled()) {
                try (Scope s = Scope.open()) {
                    Batch b = loader.next();
                    last = model.learner().predict(b.inputs());
                    scores.add(s.keep(last.scores().clone()));
                    labels.add(b.classIds());
                    rows += b.size();
                    c.progress(rows, source.rows().size(), "predict");
                }
            }
        }
        if (rows == 0) {
            throw new IllegalArgumentException("'" + source.name() + "' has no rows to calibrate on.");
        }
        ClassIndex columns = last.columns();
        Prediction all = new Prediction(Tensors.cat(0, scores.toArray(new Tensor[0])), columns, last.kind());
        long[] ids = labels.stream().flatMapToLong(Arrays::stream).toArray();
        int[] known = IntStream.range(0, ids.length)
                .filter(i -> columns.columnOf(Math.toIntExact(ids[i])) >= 0)
                .toArray();
        if (known.length < ids.length) {
            warnings.add(
                    ids.length - known.length + " rows are of no class that the model has learnt and are left out.");
        }
        if (known.length < 2 * LEAST) {
            throw new IllegalArgumentException("'" + source.name() + "' has " + known.length
                    + " rows of the model's classes; calibration needs at least " + 2 * LEAST
                    + ", half to fit and half to measure, and some thousands to be worth it.");
        }
        long[] kept = Arrays.stream(known).mapToLong(i -> ids[i]).toArray();
        Splits.Split split = Splits.stratified(kept, 0.5, Rng.of(seed).child("calibration-split"));
        int[] fit = Arrays.stream(split.train()).map(i -> known[i]).toArray();
        int[] test = Arrays.stream(split.test()).map(i -> known[i]).toArray();
        fitOn = rows(all, fit);
        fitLabels = Target.ClassIds.of(Arrays.stream(fit).mapToLong(i -> ids[i]).toArray());
        testOn = rows(all, test);
        testColumns =
                columns.columnsOf(Arrays.stream(test).mapToLong(i -> ids[i]).toArray());
        warn(columns, Arrays.stream(fit).mapToLong(i -> ids[i]).toArray());
    }

    private void warn(ClassIndex columns, long[] fitIds) {
        TreeSet<Long> there = Arrays.stream(fitIds).boxed().collect(Collectors.toCollection(TreeSet::new));
        List<String> absent = columns.columns().stream()
                .filter(k -> !there.contains((long) k.classId()))
                .map(ClassIndex.Column::name)
                .toList();
        if (!absent.isEmpty()) {
            warnings.add("No calibration row has the class " + String.join(", ", absent)
                    + "; their probabilities are calibrated blindly or not at all.");
        }
        if (fitIds.length < FEW) {
            warnings.add("Only " + fitIds.length + " rows to calibrate on and " + testColumns.length
                    + " to measure on: differences of a few hundredths are noise.");
        }
    }

    private static Prediction rows(Prediction all, int[] which) {
        return new Prediction(Tensors.rows(all.scores(), which), all.columns(), all.kind());
    }

    /** What a user should know; empty for many rows of all classes. */
    public List<String> warnings() {
        return List.copyOf(warnings);
    }

    public int fitRows() {
        return fitOn.size();
    }

    public int testRows() {
        return testOn.size();
    }

    /** The raw scores on the rows to measure on. */
    public Result raw() {
        LabelledProbabilities x = testOn.kind() == Prediction.Kind.PROBABILITIES
                ? LabelledProbabilities.of(testOn.scores(), testColumns)
                : LabelledProbabilities.ofLogits(testOn.scores(), testColumns);
        return result("raw", true, x);
    }

    /** Fits one calibrator and measures it. */
    public <C extends Record> Fitted fit(CalibratorPlugin<C> plugin, C config, RunContext c) {
        PostProcessor p = plugin.create(config).fit(fitOn, fitLabels, c);
        try (Scope s = Scope.open()) {
            LabelledProbabilities x = LabelledProbabilities.of(p.apply(testOn).scores(), testColumns);
            return new Fitted(result(plugin.name(), p.keepsDecision(), x), ConfigBinder.json(config), p);
        }
    }

    private static Result result(String method, boolean keepsDecision, LabelledProbabilities x) {
        Map<String, Double> metrics = new LinkedHashMap<>();
        for (CalibrationMetric m : CalibrationMetric.values()) {
            double v = m.of(x);
            if (Double.isFinite(v)) {
                metrics.put(m.label(), v);
            }
        }
        return new Result(method, keepsDecision, x.accuracy(), metrics, Reliability.of(x, BINS));
    }

    /** Writes the model with this calibration. */
    public void write(Path folder, Fitted f, Result raw) {
        if (!ModelFile.exists(folder)) {
            ModelFile.requireFree(folder);
        }
        model.writeCalibrated(
                folder,
                new ModelCard.Calibration(
                        f.result.method(),
                        Model.tree(f.configuration),
                        data,
                        fitOn.size(),
                        f.result.keepsDecision(),
                        raw.metrics(),
                        f.result.metrics()),
                f.processor);
    }
}
