package dev.holdfast.app;

import dev.holdfast.app.model.Model;
import dev.holdfast.app.model.Source;
import dev.holdfast.app.model.Spool;
import dev.holdfast.app.report.Csv;
import dev.holdfast.app.terminal.Console;
import dev.holdfast.app.terminal.ExitCodes;
import dev.holdfast.app.terminal.Interrupt;
import dev.holdfast.app.terminal.Json;
import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.data.source.Progress;
import dev.holdfast.data.tree.LabelTrees;
import dev.holdfast.evaluate.metric.MultiLabelMetrics;
import dev.holdfast.metricspace.TreeAnswers;
import dev.holdfast.metricspace.TreeMetric;
import dev.holdfast.registry.Registry;
import dev.holdfast.run.Threads;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code holdfast predict}: what a model says about rows. */
@Command(
        name = "predict",
        description = {
            "Prints for every row the class that a model names (or its labels, separated by ;), and the scores.",
            "Raw rows go through the model's own preprocessing; where they have labels the accuracy is told, too.",
            "The scores of a model that was calibrated ('holdfast calibrate') are its calibrated probabilities."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footerHeading = "%nExamples:%n",
        footer = {
            "  holdfast predict letters-model new-letters.csv > said.csv",
            "  cat rows.jsonl | holdfast predict model - --json",
            "  holdfast predict model fashion --no-scores --out said.csv",
            "  holdfast predict species-model new.csv --tree taxonomy.csv   # also labels that were never learnt"
        })
final class PredictCommand implements Callable<Integer> {
    private static final int BATCH = 512;

    @Parameters(index = "0", paramLabel = "MODEL", description = "folder that 'holdfast learn' wrote")
    Path model;

    @Parameters(
            index = "1",
            paramLabel = "DATA",
            description = "a table with the model's columns, '-' for rows from standard input, or images (their test"
                    + " part)")
    String data;

    @Option(names = "--data", paramLabel = "DIR", description = "folder of full data sets (or set HOLDFAST_DATA)")
    Path dataDir;

    @Option(names = "--out", paramLabel = "FILE", description = "write to a file instead of standard output")
    Path out;

    @Option(names = "--json", description = "one JSON object a row instead of CSV")
    boolean json;

    @Option(
            names = "--tree",
            paramLabel = "TREE",
            description =
                    "answer with the label of a tree that has the least expected squared distance, also with one that was"
                            + " never learnt: a file child,parent, rows.csv?levels=kind,family or a shipped tree")
    String tree;

    @Option(
            names = "--temperature",
            paramLabel = "T",
            description = "with --tree: logits are divided by it first (default: ${DEFAULT-VALUE})")
    double temperature = 1;

    @Option(names = "--no-scores", description = "only row, class and the score of that class")
    boolean noScores;

    @Option(names = "--threads", paramLabel = "N", description = "threads of libtorch (default: ${DEFAULT-VALUE})")
    int threads = 1;

    @Spec
    CommandSpec spec;

    private long rows;
    private long right;

    /** Answers in a label tree, or null; and squared distances from the truth, with and without. */
    private TreeAnswers answers;

    private TreeMetric metric;
    private double far;
    private double farBefore;

    /** Scores of label sets, or null. */
    private MultiLabelMetrics sets;

    @Override
    public Integer call() throws IOException {
        DataOptions options = DataOptions.defaults().withDataDir(dataDir);
        PrintWriter err = spec.commandLine().getErr();
        try (Interrupt interrupt = new Interrupt("Stopping after this batch.");
                Threads.Restore restore = Threads.during(threads);
                Model m = Model.read(model, Registry.load());
                Spool what = Spool.of(data, System.in);
                Source source = Source.open(what, options, m.preprocessing(), Source.Part.TEST, Progress.NONE)
                        .requireLike(m.schema())) {
            m.requireFinished(model);
            if (m.schema().target() == Target.MultiLabel.class) {
                sets = new MultiLabelMetrics(m.schema().classes().size());
            }
            if (tree != null) {
                if (sets != null) {
                    throw new IllegalArgumentException(
                            "--tree answers with one label a row, but this model says label sets.");
                }
                answers = new TreeAnswers(LabelTrees.open(tree), temperature);
                metric = TreeMetric.of(answers.tree());
            }
            if (out == null) {
                each(m, source, interrupt, spec.commandLine().getOut());
            } else {
                try (PrintWriter file = new PrintWriter(Files.newBufferedWriter(out))) {
                    each(m, source, interrupt, file);
                }
            }
            if (source.labelled() && rows > 0) {
                err.println(
                        sets == null
                                ? String.format(
                                        Locale.ROOT,
                                        "%,d of %,d rows right: %.2f %%",
                                        right,
                                        rows,
                                        100.0 * right / rows)
                                : String.format(
                                        Locale.ROOT,
                                        "%,d rows: micro-F1 %.2f %%, subset accuracy %.2f %%, Hamming loss %.2f %%",
                                        rows,
                                        100 * sets.microF1(),
                                        100 * sets.subsetAccuracy(),
                                        100 * sets.hammingLoss()));
                if (answers != null) {
                    err.println(String.format(
                            Locale.ROOT,
                            "Mean squared distance from the truth %.3f, by the most probable class %.3f.",
                            far / rows,
                            farBefore / rows));
                }
                err.flush();
            }
            return interrupt.asked() ? ExitCodes.CANCELLED : ExitCodes.DONE;
        }
    }

    private void each(Model m, Source source, Interrupt interrupt, PrintWriter to) {
        try (Loader loader = source.rows().batches(Pace.inOrder(BATCH), Rng.of(0));
                Console.Meter meter = Console.of(spec.commandLine().getErr())
                        .meter("predict", " rows", source.rows().size())) {
            while (loader.hasNext() && !interrupt.asked()) {
                try (Scope s = Scope.open()) {
                    Batch b = loader.next();
                    Prediction p = m.predict(b.inputs());
                    if (answers == null) {
                        long[] truth = source.labelled() && sets == null ? b.classIds() : null;
                        print(m.schema().classes(), b, p, truth, source.labelled(), to);
                    } else {
                        inTree(m.schema().classes(), b, p, source.labelled(), to);
                    }
                }
                meter.at(rows, "");
            }
        }
        to.flush();
    }

    /** The same in a label tree: names of classes find their place there. */
    private void inTree(ClassIndex known, Batch b, Prediction p, boolean labelled, PrintWriter to) {
        ClassIndex named = ClassIndex.of(p.columns().columns().stream()
                .map(c -> known.columns().get(known.columnOf(c.classId())))
                .toList());
        Prediction q = answers.apply(new Prediction(p.scores(), named, p.kind()));
        long[] truth = labelled
                ? Arrays.stream(b.classIds())
                        .map(y -> answers.tree()
                                .idOf(known.columns()
                                        .get(known.columnOf(Math.toIntExact(y)))
                                        .name()))
                        .toArray()
                : null;
        if (labelled) {
            int[] said = q.classes();
            int[] before = p.classes();
            for (int i = 0; i < said.length; i++) {
                double[] distances = metric.row(Math.toIntExact(truth[i]));
                far += Math.pow(distances[said[i]], 2);
                String first = known.columns().get(known.columnOf(before[i])).name();
                farBefore += Math.pow(distances[answers.tree().idOf(first)], 2);
            }
        }
        print(answers.tree().classes(), b, q, truth, labelled, to);
    }

    private void print(ClassIndex known, Batch b, Prediction p, long[] truth, boolean labelled, PrintWriter to) {
        int[] ids = p.columns().columns().stream()
                .mapToInt(ClassIndex.Column::classId)
                .toArray();
        List<String> names = Arrays.stream(ids)
                .mapToObj(id -> known.columns().get(known.columnOf(id)).name())
                .toList();
        if (rows == 0 && !json) {
            List<Object> head =
                    new ArrayList<>(sets == null ? List.of("row", "class", "score") : List.of("row", "labels"));
            if (!noScores) {
                names.forEach(n -> head.add("score " + n));
            }
            to.print(Csv.line(head));
        }
        double[][] scores = Tensors.rows(p.scores());
        if (sets == null) {
            printClasses(b, p, ids, names, scores, truth, to);
        } else {
            printSets(b, p, ids, names, scores, labelled, to);
        }
        rows += scores.length;
    }

    private void printClasses(
            Batch b, Prediction p, int[] ids, List<String> names, double[][] scores, long[] truth, PrintWriter to) {
        int[] said = p.classes();
        for (int i = 0; i < said.length; i++) {
            int row = i;
            int best = IntStream.range(0, ids.length)
                    .filter(c -> ids[c] == said[row])
                    .findFirst()
                    .orElseThrow();
            right += truth != null && truth[i] == said[i] ? 1 : 0;
            Map<String, Object> head = new LinkedHashMap<>();
            head.put("row", b.rows().ids()[i]);
            head.put("class", names.get(best));
            head.put("score", scores[i][best]);
            to.print(line(head, names, scores[i]));
        }
    }

    private void printSets(
            Batch b, Prediction p, int[] ids, List<String> names, double[][] scores, boolean labelled, PrintWriter to) {
        boolean[][] said = p.labelSets();
        for (int i = 0; i < said.length; i++) {
            int row = i;
            List<String> labels = IntStream.range(0, ids.length)
                    .filter(c -> said[row][c])
                    .mapToObj(names::get)
                    .toList();
            Map<String, Object> head = new LinkedHashMap<>();
            head.put("row", b.rows().ids()[i]);
            head.put("labels", json ? labels : String.join(";", labels));
            to.print(line(head, names, scores[i]));
        }
        if (labelled && b.target() instanceof Target.MultiLabel truth) {
            boolean[][] y = truth.sets();
            for (int i = 0; i < said.length; i++) {
                boolean[] all = new boolean[y[i].length];
                for (int c = 0; c < ids.length; c++) {
                    all[ids[c]] = said[i][c];
                }
                sets.add(y[i], all);
            }
        }
    }

    private String line(Map<String, Object> head, List<String> names, double[] scores) {
        if (json) {
            if (!noScores) {
                Map<String, Double> all = new LinkedHashMap<>();
                IntStream.range(0, scores.length).forEach(c -> all.put(names.get(c), scores[c]));
                head.put("scores", all);
            }
            return Json.line(head) + "\n";
        }
        List<Object> cells = new ArrayList<>(head.values());
        if (!noScores) {
            for (double s : scores) {
                cells.add(s);
            }
        }
        return Csv.line(cells);
    }
}
