package dev.holdfast.benchmarks;

import com.yahoo.labs.samoa.instances.DenseInstance;
import com.yahoo.labs.samoa.instances.InstancesHeader;
import com.yahoo.labs.samoa.instances.MultiLabelInstance;
import com.yahoo.labs.samoa.instances.Prediction;
import dev.holdfast.data.DataException;
import dev.holdfast.data.catalog.DataCatalog;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.data.source.LabelRows;
import dev.holdfast.data.synth.LabelBlocks;
import dev.holdfast.data.synth.LinkedLabels;
import dev.holdfast.evaluate.metric.MultiLabelMetrics;
import dev.holdfast.learner.stream.BinaryRelevance;
import dev.holdfast.learner.stream.Ihomer;
import dev.holdfast.learner.stream.StreamLearner;
import dev.holdfast.learner.stream.TreeModel;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.tensor.Rng;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import moa.classifiers.AbstractMultiLabelLearner;
import moa.classifiers.MultiLabelLearner;
import moa.classifiers.meta.MLCviaMTR;
import moa.classifiers.multitarget.BasicMultiLabelClassifier;
import moa.classifiers.rules.multilabel.AMRulesMultiLabelClassifier;
import moa.streams.MultiTargetArffFileStream;

/**
 * Learners of label sets in MOA and in Holdfast on the same streams in one process: every row is predicted, then learnt.
 * The learners of a stream run in turns, a whole stream each; both sides are scored by Holdfast's evaluator. Rows are
 * arrays on either side, made before the clock starts.
 */
public final class MoaSideBySide {
    private static final String PEER = "MOA iSOUP-Tree";

    private MoaSideBySide() {}

    /** Predicts a row, then learns it. */
    private interface Contender {
        void next(int row, boolean[] said);
    }

    /** Turns (default 5), and at most so many rows of a stream (default 10,000). */
    public static void main(String[] args) throws IOException {
        int turns = args.length > 0 ? Integer.parseInt(args[0]) : 5;
        int rows = args.length > 1 ? Integer.parseInt(args[1]) : 10_000;
        System.out.printf(
                "MOA 2024.07.0 and Holdfast in one process, Java %s, %d processors; %d turns, at most %,d rows a"
                        + " stream.%n%n",
                System.getProperty("java.version"), Runtime.getRuntime().availableProcessors(), turns, rows);
        System.out.println(
                "| stream | learner | subset accuracy | Hamming loss | micro-F1 | macro-F1 | rows a second | "
                        + "ratio to iSOUP-Tree | quartiles |");
        System.out.println("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |");
        for (LabelRows s : streams(rows)) {
            compare(s, turns);
        }
    }

    /** All that can be had here, generated ones first. */
    private static List<LabelRows> streams(int rows) {
        List<LabelRows> s = new ArrayList<>();
        s.add(LabelBlocks.rows(LabelBlocks.Config.defaults(rows / 2), Rng.of(1), rows));
        for (int labels : new int[] {8, 25}) {
            s.add(LinkedLabels.rows(
                    new LinkedLabels.Config(labels, 80, 1.8, 0.25, LinkedLabels.Concept.RADIAL, rows / 2),
                    Rng.of(1),
                    rows));
        }
        for (String id : new String[] {"music", "yeast", "scene", "enron", "imdb"}) {
            try {
                DataPair p = DataCatalog.open(id + "?standardise=no", DataOptions.defaults());
                s.add(LabelRows.of(id, p.train(), p.test()).first(rows));
            } catch (DataException absent) {
                System.err.println("Without '" + id + "': " + absent.getMessage());
            }
        }
        return s;
    }

    private static void compare(LabelRows s, int turns) throws IOException {
        InstancesHeader header = header(s);
        MultiLabelInstance[] instances = instances(s, header);
        Map<String, Supplier<Contender>> all = new LinkedHashMap<>();
        all.put(PEER, () -> moa(isoup(), header, instances));
        all.put("MOA AMRules", () -> moa(new AMRulesMultiLabelClassifier(), header, instances));
        all.put("MOA BR of Hoeffding trees", () -> moa(relevance(), header, instances));
        all.put("Holdfast ihomer", () -> holdfast(new Ihomer.Plugin(), s));
        all.put("Holdfast mlhat", () -> holdfast(new TreeModel.MlhatPlugin(), s));
        all.put("Holdfast binary-relevance", () -> holdfast(new BinaryRelevance.Plugin(), s));
        Map<String, List<Double>> seconds = new LinkedHashMap<>();
        Map<String, MultiLabelMetrics> scores = new LinkedHashMap<>();
        for (int turn = 0; turn < turns; turn++) {
            for (Map.Entry<String, Supplier<Contender>> e : all.entrySet()) {
                MultiLabelMetrics m = new MultiLabelMetrics(s.labels());
                boolean[] said = new boolean[s.labels()];
                Contender c = e.getValue().get();
                long spent = 0;
                for (int i = 0; i < s.size(); i++) {
                    long start = System.nanoTime();
                    c.next(i, said);
                    spent += System.nanoTime() - start;
                    m.add(s.y()[i], said);
                }
                seconds.computeIfAbsent(e.getKey(), k -> new ArrayList<>()).add(spent / 1e9);
                scores.put(e.getKey(), m);
            }
        }
        String title = String.format(Locale.ROOT, "%s, %,d x %d, %d labels", s.name(), s.size(), s.width(), s.labels());
        for (String name : all.keySet()) {
            double[] ratio = new double[turns];
            for (int t = 0; t < turns; t++) {
                ratio[t] = seconds.get(PEER).get(t) / seconds.get(name).get(t);
            }
            Arrays.sort(ratio);
            double[] own =
                    seconds.get(name).stream().mapToDouble(v -> v).sorted().toArray();
            MultiLabelMetrics m = scores.get(name);
            System.out.printf(
                    Locale.ROOT,
                    "| %s | %s | %.3f | %.3f | %.3f | %.3f | %,.0f | %s | %s |%n",
                    title,
                    name,
                    m.subsetAccuracy(),
                    m.hammingLoss(),
                    m.microF1(),
                    m.macroF1(),
                    s.size() / quantile(own, 0.5),
                    name.equals(PEER) ? "1" : String.format(Locale.ROOT, "**%.1f**", quantile(ratio, 0.5)),
                    name.equals(PEER)
                            ? ""
                            : String.format(Locale.ROOT, "%.1f to %.1f", quantile(ratio, 0.25), quantile(ratio, 0.75)));
        }
    }

    private static double quantile(double[] sorted, double q) {
        double at = q * (sorted.length - 1);
        int below = (int) at;
        int above = Math.min(sorted.length - 1, below + 1);
        return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
    }

    private static <C extends Record> Contender holdfast(LearnerPlugin<C> plugin, LabelRows s) {
        StreamLearner l = (StreamLearner) plugin.create(plugin.defaults(), s.schema(), Rng.of(1));
        int[][] sets = new int[s.size()][];
        Arrays.setAll(sets, s::set);
        return (row, said) -> {
            double[] p = l.learnRow(s.x()[row], sets[row]);
            for (int j = 0; j < said.length; j++) {
                said[j] = p[j] > 0.5;
            }
        };
    }

    private static AbstractMultiLabelLearner isoup() {
        MLCviaMTR m = new MLCviaMTR();
        m.regressorOption.setValueViaCLIString("multilabel.trees.ISOUPTree");
        return m;
    }

    private static AbstractMultiLabelLearner relevance() {
        BasicMultiLabelClassifier m = new BasicMultiLabelClassifier();
        m.baseLearnerOption.setValueViaCLIString("trees.HoeffdingTree");
        return m;
    }

    private static Contender moa(AbstractMultiLabelLearner m, InstancesHeader header, MultiLabelInstance[] rows) {
        m.prepareForUse();
        // a reset after this would lose the outputs
        m.setModelContext(header);
        MultiLabelLearner learner = (MultiLabelLearner) m;
        return (row, said) -> {
            Prediction p = learner.getPredictionForInstance(rows[row]);
            for (int j = 0; j < said.length; j++) {
                said[j] = p != null && said(p, j);
            }
            learner.trainOnInstance(rows[row]);
        };
    }

    /** Regressors give one score, at position 1; classifiers give votes for both sides. */
    private static boolean said(Prediction p, int label) {
        if (p.numOutputAttributes() <= label || !p.hasVotesForAttribute(label) || p.numClasses(label) < 2) {
            return false;
        }
        return p.getVote(label, 1) > p.getVote(label, 0);
    }

    /** MOA makes headers of several outputs from files only. */
    private static InstancesHeader header(LabelRows s) throws IOException {
        StringBuilder b = new StringBuilder("@relation stream\n");
        for (int l = 0; l < s.labels(); l++) {
            b.append("@attribute y").append(l).append(" {0,1}\n");
        }
        for (int j = 0; j < s.width(); j++) {
            b.append("@attribute x").append(j).append(" numeric\n");
        }
        b.append("@data\n");
        String row = "0,".repeat(s.labels() + s.width() - 1) + "0\n";
        b.append(row).append(row);
        Path file = Files.createTempFile("holdfast-moa", ".arff");
        try {
            Files.writeString(file, b);
            MultiTargetArffFileStream stream = new MultiTargetArffFileStream(file.toString(), "1-" + s.labels());
            stream.prepareForUse();
            return stream.getHeader();
        } finally {
            Files.delete(file);
        }
    }

    private static MultiLabelInstance[] instances(LabelRows s, InstancesHeader header) {
        MultiLabelInstance[] rows = new MultiLabelInstance[s.size()];
        for (int i = 0; i < rows.length; i++) {
            double[] v = new double[s.labels() + s.width()];
            for (int l = 0; l < s.labels(); l++) {
                v[l] = s.y()[i][l] ? 1 : 0;
            }
            System.arraycopy(s.x()[i], 0, v, s.labels(), s.width());
            DenseInstance d = new DenseInstance(1, v);
            d.setDataset(header);
            rows[i] = d;
        }
        return rows;
    }
}
