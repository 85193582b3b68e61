package dev.holdfast.tck;

import static dev.holdfast.tck.Subject.bits;
import static dev.holdfast.tck.Subject.require;

import dev.holdfast.data.Prediction;
import dev.holdfast.evaluate.Compatibility;
import dev.holdfast.evaluate.Run;
import dev.holdfast.evaluate.Trial;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Learner;
import dev.holdfast.registry.Registry;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/** A learner does what it says it can, and says what it needs. */
final class CapabilityChecks {
    private CapabilityChecks() {}

    static void add(Subject<?> s, List<Check> to) {
        String on = " (" + s.data + ")";
        if (!s.has(Trait.NEEDS_BOUNDARIES) && !s.has(Trait.LEARNS_AT_END) && !s.has(Trait.NEEDS_BASE)) {
            to.add(new Check("learns without being told boundaries" + on, () -> fits(s, s.hidden())));
        }
        if (!s.has(Trait.REREADS) && !s.has(Trait.NEEDS_BASE)) {
            to.add(new Check("learns from rows that pass by once" + on, () -> fits(s, s.onePass())));
        }
        if (!s.has(Trait.STORES_EXAMPLES)) {
            to.add(new Check("keeps no row of the stream" + on, () -> storesNoRow(s)));
        }
        if (s.has(Trait.NEEDS_BASE)) {
            to.add(new Check("needs no boundary after its base" + on, () -> fits(s, s.baseThenHidden())));
        }
        to.add(
                s.has(Trait.LEARNS_AT_END)
                        ? new Check("does not move between boundaries" + on, () -> stands(s))
                        : new Check("learns from every new batch" + on, () -> moves(s)));
        to.add(new Check("is refused by scenarios that it does not fit, with those that do" + on, () -> refused(s)));
        to.add(new Check("goes through a scenario that it fits to the end" + on, () -> trial(s)));
    }

    private static void fits(Subject<?> s, Scenario scenario) {
        List<String> why = Compatibility.obstacles(s.capabilities, scenario);
        require(why.isEmpty(), "The capabilities contradict themselves: " + why + ".");
        Learner l = s.fresh();
        Bits before = bits(l);
        Run r = s.run(l, scenario);
        try {
            r.finish();
        } catch (RuntimeException e) {
            throw new AssertionError(
                    "By its capabilities the learner fits '" + scenario.name() + "', but it fails there: "
                            + e.getMessage(),
                    e);
        }
        require(!bits(l).differences(before).isEmpty(), "In '" + scenario.name() + "' the learner learnt nothing.");
        try (Scope scope = Scope.open()) {
            Prediction p = s.predict(l, s.testRows().inputs());
            require(
                    p.columns().size() >= s.data.schema().classes().size() && Tensors.finite(p.scores()),
                    "After '" + scenario.name() + "' there are scores for "
                            + p.columns().size() + " of "
                            + s.data.schema().classes().size() + " classes, or some are not finite.");
        }
    }

    /** Looks for every training row, as it came and as fractions, in every tensor of the state. */
    private static void storesNoRow(Subject<?> s) {
        Learner l = s.learnt();
        try (Scope scope = Scope.open()) {
            var inputs = s.data.train().rows(PredictChecks.all(s)).inputs();
            Tensor raw = inputs.tensor(inputs.fields().iterator().next());
            Tensor fractions = inputs.x();
            Map<Double, Integer> first = new HashMap<>();
            double[][][] forms = {flat(raw), flat(fractions)};
            for (double[][] rows : forms) {
                for (int i = 0; i < rows.length; i++) {
                    first.put(rows[i][0], i);
                }
            }
            l.state().tensors().forEach((name, t) -> {
                double[] a = Tensors.doubles(t);
                for (int from = 0; from + forms[0][0].length <= a.length; from++) {
                    if (!first.containsKey(a[from])) {
                        continue;
                    }
                    for (double[][] rows : forms) {
                        for (int i = 0; i < rows.length; i++) {
                            require(
                                    !Arrays.equals(a, from, from + rows[i].length, rows[i], 0, rows[i].length),
                                    "Training row " + i + " stands in tensor " + name
                                            + " of the state, but the learner does not claim STORES_EXAMPLES.");
                        }
                    }
                }
            });
        }
    }

    private static double[][] flat(Tensor rows) {
        return Tensors.rows(rows.reshape(rows.size(0), -1));
    }

    private static void stands(Subject<?> s) {
        Learner l = s.after(s.within(1));
        byte[] before = s.scores(l);
        s.learn(l, s.mixed(0));
        s.learn(l, s.mixed(1));
        require(
                Arrays.equals(before, s.scores(l)),
                "Predictions moved between boundaries, but the learner claims LEARNS_AT_END.");
    }

    private static void moves(Subject<?> s) {
        Learner l = s.fresh();
        for (int turn = 0; turn < 4; turn++) {
            Bits before = bits(l);
            s.learn(l, s.mixed(turn));
            require(
                    !bits(l).differences(before).isEmpty(),
                    "Batch " + (turn + 1) + " changed nothing, but the learner does not claim LEARNS_AT_END.");
        }
    }

    private static void refused(Subject<?> s) {
        Registry registry = Registry.load();
        for (Scenario scenario : List.of(s.hidden(), s.onePass(), s.announced())) {
            Scenario stream = s.plugin.arrange(scenario);
            List<String> why = Compatibility.obstacles(s.capabilities, stream);
            List<String> fitting = Compatibility.fitting(registry.learners(), scenario);
            if (why.isEmpty()) {
                Compatibility.require(s.plugin.name(), s.capabilities, stream, fitting);
                continue;
            }
            try {
                Compatibility.require(s.plugin.name(), s.capabilities, stream, fitting);
                throw new AssertionError("'" + scenario.name() + "' does not fit but was not refused.");
            } catch (IllegalArgumentException e) {
                for (String part : why) {
                    require(e.getMessage().contains(part), "The refusal does not say that " + part + ".");
                }
                require(
                        e.getMessage().contains(s.plugin.name())
                                && e.getMessage().contains(scenario.name())
                                && fitting.stream().allMatch(e.getMessage()::contains),
                        "The refusal names neither learner, scenario nor the learners that fit: " + e.getMessage());
            }
            require(
                    !fitting.contains(s.plugin.name()) || !s.config.equals(s.plugin.defaults()),
                    "A learner is proposed where it does not fit.");
            Trial.Result r = trial(s, scenario);
            require(
                    r.status() == Trial.Status.REFUSED && r.message().contains(why.get(0)),
                    "A trial of an unfit pair ends as " + r.status() + ": " + r.message());
        }
    }

    private static void trial(Subject<?> s) {
        Trial.Result r = trial(s, s.announced());
        require(r.status() == Trial.Status.DONE, "The trial ended as " + r.status() + ": " + r.message());
        require(
                r.averageAccuracy() != null && r.averageAccuracy() >= 0 && r.averageAccuracy() <= 1,
                "The average accuracy is " + r.averageAccuracy() + ".");
    }

    private static <C extends Record> Trial.Result trial(Subject<C> s, Scenario scenario) {
        return Trial.run(s.plugin, s.config, scenario, 1, new Trial.Options(5, 10), () -> false, (done, planned) -> {});
    }
}
