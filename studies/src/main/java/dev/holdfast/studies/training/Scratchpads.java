package dev.holdfast.studies.training;

import dev.holdfast.language.Exam;
import dev.holdfast.language.Problem;
import dev.holdfast.language.Sampling;
import dev.holdfast.language.TaskFamily;
import dev.holdfast.language.TextGenerator;
import dev.holdfast.language.token.ByteTokenizer;
import dev.holdfast.language.train.ProblemBatches.Kind;
import dev.holdfast.nn.lm.Decoder;
import dev.holdfast.study.Criterion;
import dev.holdfast.study.Findings;
import dev.holdfast.study.Findings.Row;
import dev.holdfast.study.Paper;
import dev.holdfast.study.Rule;
import dev.holdfast.study.Study;
import dev.holdfast.study.StudyContext;
import dev.holdfast.tensor.Rng;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;

/**
 * A small decoder trained from nothing on problems with exact answers, graded on problems it never saw, directly and with a
 * chain of thought; and what its cache of keys and values saves when it writes.
 */
public final class Scratchpads implements Study {
    private static final String DIRECT = "direct";
    private static final String THOUGHT = "with its thought";
    private static final String RIGHT = "exact answers";
    private static final String WRITING = "16 texts of 64 tokens";
    private static final String SPEED = "times as fast";

    @Override
    public Paper paper() {
        return new Paper(
                "00-lm-bed",
                "Show Your Work: Scratchpads for Intermediate Computation with Language Models",
                2021,
                "2112.00114");
    }

    @Override
    public String claim() {
        return "Easy problems need no chain of thought and hard ones do: a small decoder copies, reverses and adds at once, but"
                + " sums up ten digits modulo ten only if it writes down the running totals.";
    }

    @Override
    public List<Criterion> criteria() {
        return List.of(
                right("copy", "copies 4 letters at once, 95 %", TaskFamily.COPY, 4, DIRECT, 0.95, 1),
                right("rev", "reverses 4 letters at once, 95 %", TaskFamily.REV, 4, DIRECT, 0.95, 1),
                right("add", "adds two digits at once, 95 %", TaskFamily.ADD, 1, DIRECT, 0.95, 1),
                right(
                        "sum-thought",
                        "sums up ten digits with running totals, 80 %",
                        TaskFamily.SUM,
                        10,
                        THOUGHT,
                        0.8,
                        1),
                right("sum-direct", "but at most 30 % at once", TaskFamily.SUM, 10, DIRECT, 0, 0.3),
                new Criterion(
                        "cache",
                        "with a cache it writes 64 tokens at least 3 times as fast",
                        new Rule.Bound(WRITING, SPEED, "cache", 3, 1000, 1),
                        true));
    }

    private static Criterion right(
            String id, String sentence, TaskFamily family, int level, String arm, double low, double high) {
        return new Criterion(id, sentence, new Rule.Bound(bed(family, level), RIGHT, arm, low, high, 1), true);
    }

    private static String bed(TaskFamily family, int level) {
        return family.name().toLowerCase(Locale.ROOT) + " " + level;
    }

    @Override
    public String remarks() {
        return "The mixture of problems and the number of steps were chosen before the run, by four trainings from other starts"
                + " and on other draws than those scored, the last of which learnt everything. Sums of ten digits are learnt in a"
                + " jump, and where it has not come by the end of the training they are not learnt at all: the mean over seeds is"
                + " one of all and nothing. Gradients are shared by two threads. Speeds come from a machine that was busy with"
                + " other work. A trained model is kept and used again, so the time below may be that of grading alone.";
    }

    @Override
    public Findings run(StudyContext c) {
        List<Row> rows = new ArrayList<>();
        ProblemBed bed =
                switch (c.budget()) {
                    case SMOKE -> new ProblemBed(16, 1, 6);
                    case QUICK, FULL -> new ProblemBed(96, 3, 3000);
                };
        int problems = c.budget() == StudyContext.Budget.SMOKE ? 4 : 200;
        int seeds = c.budget() == StudyContext.Budget.FULL ? 3 : 1;
        for (long seed : c.seeds(seeds)) {
            ProblemBed.Trained t = bed.trained(c, seed);
            if (c.cancelled()) {
                return new Findings(rows);
            }
            rows.add(new Row("training", "mixture", seed, "loss at the end, nats", t.lossAtEnd()));
            rows.add(new Row("training", "mixture", seed, "tokens a second", t.tokensPerSecond()));
            for (Kind k : new LinkedHashSet<>(ProblemBed.mixture())) {
                List<Problem> held =
                        Exam.held(k.family(), k.level(), problems, Rng.of(seed).child("held"));
                if (!held.isEmpty()) {
                    String name = bed(k.family(), k.level());
                    rows.add(new Row(DIRECT, name, seed, RIGHT, Exam.accuracy(t.model(), held, true)));
                    rows.add(new Row(THOUGHT, name, seed, RIGHT, Exam.accuracy(t.model(), held, false)));
                }
            }
            rows.add(new Row("cache", WRITING, seed, SPEED, speedUp(t.model(), c)));
        }
        return new Findings(rows);
    }

    /** Time without a cache over time with one, medians of writes in turns. */
    private static double speedUp(Decoder model, StudyContext c) {
        int turns = c.budget() == StudyContext.Budget.SMOKE ? 1 : 5;
        double[] ratios = new double[turns];
        for (int i = 0; i < turns; i++) {
            ratios[i] = seconds(model, false) / seconds(model, true);
        }
        Arrays.sort(ratios);
        return ratios[turns / 2];
    }

    private static double seconds(Decoder model, boolean cached) {
        List<int[]> prompts = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            prompts.add(TaskFamily.COPY.draw(4, Rng.of(i)).promptIds(new ByteTokenizer(), false));
        }
        // no id ends a text, so that both write as many tokens
        TextGenerator writer = new TextGenerator(model, Sampling.greedy(), List.of(), ByteTokenizer.PAD, cached);
        long start = System.nanoTime();
        writer.write(prompts, 64, Rng.of(1));
        return (System.nanoTime() - start) / 1e9;
    }
}
