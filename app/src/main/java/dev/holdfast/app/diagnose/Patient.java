package dev.holdfast.app.diagnose;

import dev.holdfast.app.report.DiagnosisPage;
import dev.holdfast.app.terminal.Console;
import dev.holdfast.data.Batch;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Schema;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.Splits;
import dev.holdfast.diagnose.curvature.Lanczos;
import dev.holdfast.diagnose.signals.Evidence;
import dev.holdfast.diagnose.signals.OpposingSignals;
import dev.holdfast.diagnose.training.Diary;
import dev.holdfast.diagnose.training.Symptom;
import dev.holdfast.diagnose.training.Watch;
import dev.holdfast.evaluate.Run;
import dev.holdfast.evaluate.explain.Pictures;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.registry.ConfigBinder;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.MetricLog;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.Joint;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A learner and its data, to be trained again and again from the same start with one thing changed.
 *
 * @param watched how many training rows are watched
 */
record Patient<C extends Record>(
        LearnerPlugin<C> plugin, C config, DataPair pair, int epochs, int batchSize, int watched, long seed) {
    private static final String RATE = "net.optimizer.rate";
    private static final String COLUMNS = "net.allClassesFromStart";
    private static final int CANDIDATES = 24;
    private static final int SHOWN = 12;
    private static final int TESTED = 1000;

    Patient {
        if (watched < 20) {
            throw new IllegalArgumentException("--watched must be >= 20 but is " + watched + ".");
        }
        config = accepts(config, COLUMNS) ? ConfigBinder.set(config, Map.of(COLUMNS, "true")) : config;
    }

    /** What a training showed. */
    record Outcome(Diary diary, OpposingSignals.Report groups, DiagnosisPage.Groups page, double epsilon) {
        List<Symptom.Found> symptoms() {
            return Symptom.all(diary, groups, epsilon);
        }
    }

    private Scenario scenario() {
        return Joint.of(Dealing.offline(epochs, batchSize), pair.train(), pair.test());
    }

    long updates() {
        return Run.plannedSteps(scenario());
    }

    int watchedRows() {
        return (int) rows().size();
    }

    private Dataset rows() {
        return sample(pair.train(), watched);
    }

    private static Dataset sample(Dataset d, int n) {
        return d.size() <= n
                ? d
                : d.subset(Splits.sample(d.classIds(), n, Rng.of(1).child("watched")));
    }

    /** The options that a cure sets here; empty if this learner has no such options, or they are set already. */
    Optional<Map<String, String>> settings(Symptom.Cure cure) {
        Map<String, String> now = ConfigBinder.options(config).stream()
                .collect(Collectors.toMap(
                        ConfigBinder.Option::name, ConfigBinder.Option::value, (a, b) -> a, LinkedHashMap::new));
        Map<String, String> set = new LinkedHashMap<>();
        for (Map.Entry<String, String> e : cure.settings().entrySet()) {
            if (!now.containsKey(e.getKey())) {
                return Optional.empty();
            }
            String value = e.getValue();
            if (value.startsWith("x")) {
                value = Double.toString(Double.parseDouble(now.get(RATE)) * Double.parseDouble(value.substring(1)));
            } else if (value.equals("steps")) {
                value = Long.toString(updates());
            }
            set.put(e.getKey(), value);
        }
        boolean same = set.entrySet().stream().allMatch(e -> now.get(e.getKey()).equals(e.getValue()));
        return same ? Optional.empty() : Optional.of(set);
    }

    private static boolean accepts(Record config, String option) {
        return ConfigBinder.options(config).stream().anyMatch(o -> o.name().equals(option));
    }

    /** The configuration with these options. */
    C with(Map<String, String> settings) {
        return ConfigBinder.set(config, settings);
    }

    /** Trains from the start; cut off, what was seen. */
    Optional<Outcome> train(C how, Watch.Options options, String name, Console console, BooleanSupplier cancelled) {
        Scenario once = scenario();
        long planned = updates();
        Dataset rows = rows();
        Watch watch = new Watch(
                options,
                planned,
                rows,
                sample(pair.test(), TESTED),
                Rng.of(seed).child("watch"));
        Rng rng = Rng.of(seed);
        try (Scope all = Scope.open();
                Learner l = plugin.create(
                        accepts(how, COLUMNS) ? ConfigBinder.set(how, Map.of(COLUMNS, "true")) : how,
                        once.schema(),
                        rng.child("learner"));
                Console.Meter meter = console.meter("diagnose", " updates", planned)) {
            if (!(l instanceof NetLearner net)) {
                throw new IllegalArgumentException("Learner '" + plugin.name()
                        + "' is no network that is trained by gradients, so there is nothing to watch."
                        + "\nMaybe name another one, such as finetune or er.");
            }
            Run run = new Run(l, once, List.of(watch), new MetricLog(), rng.child("run"));
            while (!cancelled.getAsBoolean() && run.advance()) {
                meter.at(run.steps(), name);
            }
            OpposingSignals.Report groups = options.window() < 2 ? null : watch.groups(CANDIDATES);
            boolean opposed = groups != null
                    && Symptom.OPPOSING_GROUPS
                            .in(watch.diary(), groups, Double.NaN)
                            .isPresent();
            return Optional.of(
                    new Outcome(watch.diary(), groups, opposed ? groups(groups, rows, net) : null, epsilon(how)));
        }
    }

    private static double epsilon(Record config) {
        Map<String, String> now = new HashMap<>();
        ConfigBinder.options(config).forEach(o -> now.put(o.name(), o.value()));
        return now.getOrDefault("net.optimizer.kind", "").startsWith("ADAM")
                ? Double.parseDouble(now.get("net.optimizer.epsilon"))
                : Double.NaN;
    }

    private DiagnosisPage.Groups groups(OpposingSignals.Report r, Dataset rows, NetLearner net) {
        Evidence e = Evidence.of(
                net.objective(null),
                rows.rows(r.a()),
                rows.rows(r.b()),
                List.of(rows.rows(IntStream.range(0, (int) rows.size()).toArray())),
                Rng.of(1),
                new Lanczos(1, 0));
        return new DiagnosisPage.Groups(
                r.alternation(), r.opposite(), e.cosine(), examples(rows, r.a()), examples(rows, r.b()));
    }

    private static List<DiagnosisPage.Example> examples(Dataset rows, int[] at) {
        List<DiagnosisPage.Example> all = new ArrayList<>();
        int[] first = Arrays.copyOf(at, Math.min(SHOWN, at.length));
        Schema schema = rows.schema();
        boolean images = schema.inputs().get(0).kind() == Schema.Field.Kind.IMAGE;
        try (Scope s = Scope.open()) {
            Batch b = rows.rows(first);
            Tensor x = b.inputs().x().to(ScalarType.Double);
            x = images && Tensors.item(x.max()) > 1 ? x.div(Tensors.scalar(255)) : x;
            long[] y = b.classIds();
            for (int i = 0; i < first.length; i++) {
                String label = schema.classes()
                        .columns()
                        .get(schema.classes().columnOf(Math.toIntExact(y[i])))
                        .name();
                all.add(new DiagnosisPage.Example(
                        rows.id(first[i]),
                        label,
                        images ? picture(x.select(0, i)) : null,
                        images ? null : numbers(x.select(0, i))));
            }
        }
        return all;
    }

    private static String picture(Tensor image) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try {
            ImageIO.write(Pictures.image(image, 2), "png", out);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return "data:image/png;base64," + Base64.getEncoder().encodeToString(out.toByteArray());
    }

    private static String numbers(Tensor row) {
        double[] v = Tensors.doubles(row.reshape(-1));
        return Arrays.stream(v, 0, Math.min(8, v.length))
                        .mapToObj(d -> String.format(Locale.ROOT, "%.3g", d))
                        .collect(Collectors.joining(", "))
                + (v.length > 8 ? ", ..." : "");
    }

    /** The label that most examples have. */
    static String commonest(List<DiagnosisPage.Example> of) {
        return of.stream()
                .collect(Collectors.groupingBy(DiagnosisPage.Example::label, Collectors.counting()))
                .entrySet()
                .stream()
                .max(Comparator.comparingLong(Map.Entry::getValue))
                .map(Map.Entry::getKey)
                .orElse("none");
    }
}
