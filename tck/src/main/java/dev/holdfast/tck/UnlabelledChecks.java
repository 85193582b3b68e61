package dev.holdfast.tck;

import static dev.holdfast.tck.Subject.bits;
import static dev.holdfast.tck.Subject.require;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.evaluate.Compatibility;
import dev.holdfast.evaluate.Run;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Learner;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * Rows without labels: a learner that claims to use them takes them in its stride, any other is never given them. (That
 * the others refuse such rows is among the {@link PoisonChecks}.)
 */
final class UnlabelledChecks {
    private UnlabelledChecks() {}

    static void add(Subject<?> s, List<Check> to) {
        String on = " (" + s.data + ")";
        Scenario scenario = s.thenUnlabelled();
        if (!fits(s, scenario)) {
            return;
        }
        if (!s.has(Trait.UNLABELLED)) {
            to.add(new Check("stays as it is while rows come without labels" + on, () -> onlyPredicts(s, scenario)));
            return;
        }
        to.add(new Check("stays sane on rows without labels" + on, () -> staysSane(s, scenario)));
        to.add(new Check("resumes among rows without labels with the same bits" + on, () -> resumes(s, scenario)));
        to.add(new Check("refuses bad rows without labels and stays as it was" + on, () -> refusesBad(s, scenario)));
        to.add(new Check("refuses rows without labels before it learnt, or stays as it was" + on, () -> early(s)));
        to.add(new Check("survives single rows without labels" + on, () -> single(s, scenario)));
    }

    private static boolean fits(Subject<?> s, Scenario scenario) {
        try {
            return Compatibility.obstacles(s.capabilities, s.plugin.arrange(scenario))
                    .isEmpty();
        } catch (IllegalArgumentException cannotBeRearranged) {
            return false;
        }
    }

    /** Steps of the labelled parts, ends included. */
    private static int labelled(Scenario s) {
        return (int) s.experiences().stream()
                .filter(e -> !e.protocol().scored())
                .mapToLong(e -> e.pace().batches(e.train().size()) + 1)
                .sum();
    }

    private static Run labelledRun(Subject<?> s, Scenario scenario) {
        Run r = s.run(s.fresh(), scenario);
        for (int i = 0; i < labelled(scenario); i++) {
            r.advance();
        }
        return r;
    }

    private static void onlyPredicts(Subject<?> s, Scenario scenario) {
        Run r = labelledRun(s, scenario);
        Bits before = bits(r.learner());
        r.finish();
        bits(r.learner()).requireSame(before, "Rows that only were to be predicted changed the learner.");
    }

    private static void staysSane(Subject<?> s, Scenario scenario) {
        Run a = labelledRun(s, scenario);
        byte[] before = s.scores(a.learner());
        require(Arrays.equals(before, s.scores(a.learner())), "Predicting twice gives two answers.");
        a.finish();
        try (Scope scope = Scope.open()) {
            require(
                    Tensors.finite(s.predict(a.learner(), s.testRows().inputs()).scores()),
                    "After rows without labels predictions are not finite.");
        }
        Run b = s.run(s.fresh(), scenario).finish();
        bits(a.learner()).requireSame(bits(b.learner()), "Two runs over the same rows without labels differ.");
    }

    private static void resumes(Subject<?> s, Scenario scenario) {
        Run whole = labelledRun(s, scenario);
        List<State> saved = new ArrayList<>();
        do {
            try (Scope scope = Scope.open()) {
                saved.add(whole.state().copy());
            }
        } while (whole.advance());
        Bits end = bits(whole.learner());
        for (int at = 0; at < saved.size(); at++) {
            Run resumed = s.run(s.fresh(), scenario);
            try (Scope scope = Scope.open()) {
                resumed.load(saved.get(at));
            }
            bits(resumed.finish().learner())
                    .requireSame(
                            end,
                            "A run that was saved after " + at + " steps on rows without labels ends differently.");
        }
        saved.forEach(state -> state.tensors().values().forEach(Tensor::close));
    }

    private static void refusesBad(Subject<?> s, Scenario scenario) {
        Learner l = labelledRun(s, scenario).learner();
        Bits before = bits(l);
        try (Scope scope = Scope.open()) {
            Tensor x = s.testRows().inputs().x();
            Map<String, Inputs> bad = new LinkedHashMap<>();
            Tensor spoilt = x.clone();
            spoilt.reshape(-1).select(0, spoilt.numel() - 1).fill_(Tensors.scalar(Double.NaN));
            bad.put("NaN", Inputs.of(spoilt));
            bad.put("rows of another rank", Inputs.of(x.unsqueeze(1)));
            bad.put("rows without the field", Inputs.of(Map.of("elsewhere", x)));
            bad.put("no row", Inputs.of(Tensors.slice(x, 0, 0)));
            bad.forEach((what, inputs) -> {
                try {
                    l.learn(unlabelled(inputs));
                } catch (RuntimeException refused) {
                    Messages.requireClear(refused, "a batch without labels holds " + what);
                    bits(l).requireSame(
                                    before,
                                    "An unlabelled batch with " + what + " was refused but changed the learner.");
                    return;
                }
                throw new AssertionError("An unlabelled batch with " + what + " was passed over without a word.");
            });
        }
    }

    private static void early(Subject<?> s) {
        Learner l = s.fresh();
        Bits before = bits(l);
        try (Scope scope = Scope.open()) {
            l.learn(s.testRows().withoutTarget());
        } catch (RuntimeException refused) {
            Messages.requireClear(refused, "nothing was learnt yet");
            bits(l).requireSame(before, "Rows without labels were refused but changed the learner.");
        }
    }

    private static void single(Subject<?> s, Scenario scenario) {
        Learner l = labelledRun(s, scenario).learner();
        for (int i = 0; i < 5; i++) {
            try (Scope scope = Scope.open()) {
                l.learn(s.testRows().rows(i).withoutTarget());
            }
        }
        try (Scope scope = Scope.open()) {
            require(
                    Tensors.finite(s.predict(l, s.testRows().inputs()).scores()),
                    "After single rows without labels predictions are not finite.");
        }
    }

    private static Batch unlabelled(Inputs x) {
        long[] ids = new long[x.size()];
        Arrays.fill(ids, -1);
        return new Batch(x, new Target.None(), Rows.of(ids));
    }
}
