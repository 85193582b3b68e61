package dev.holdfast.tck;

import static dev.holdfast.tck.Subject.bits;
import static dev.holdfast.tck.Subject.require;

import dev.holdfast.data.Inputs;
import dev.holdfast.evaluate.Run;
import dev.holdfast.learner.Learner;
import dev.holdfast.tensor.Safetensors;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Saving, loading, resuming, repeating. */
final class StateChecks {
    private StateChecks() {}

    static void add(Subject<?> s, List<Check> to) {
        String on = " (" + s.data + ")";
        to.add(new Check("resumes at any step with the same bits" + on, () -> resumes(s)));
        to.add(new Check("resumes from a file with the same bits" + on, () -> resumesFromFile(s)));
        to.add(new Check("is a function of configuration, seed and rows" + on, () -> repeats(s)));
        to.add(new Check("shares nothing with a state that it loaded" + on, () -> sharesNothing(s)));
        to.add(new Check("refuses foreign and damaged states and stays as it was" + on, () -> refusesDamage(s)));
    }

    private static void resumes(Subject<?> s) {
        Run whole = s.run(s.fresh(), s.announced());
        List<State> saved = new ArrayList<>();
        do {
            try (Scope scope = Scope.open()) {
                saved.add(whole.state().copy());
            }
        } while (whole.advance());
        Bits end = bits(whole.learner());
        for (int at = 0; at < saved.size(); at++) {
            Run resumed = s.run(s.fresh(), s.announced());
            try (Scope scope = Scope.open()) {
                resumed.load(saved.get(at));
            }
            State child = saved.get(at).child("learner");
            bits(resumed.learner())
                    .requireSame(Bits.of(child), "load(state()) after step " + at + " does not give the saved state.");
            bits(resumed.finish().learner())
                    .requireSame(
                            end,
                            "A run that was saved after step " + at + " and resumed ends with another state than one"
                                    + " that was never interrupted.");
        }
        saved.forEach(state -> state.tensors().values().forEach(Tensor::close));
    }

    private static void resumesFromFile(Subject<?> s) throws IOException {
        Bits end = bits(s.learnt());
        Path folder = Files.createTempDirectory("holdfast-tck");
        Path file = folder.resolve("run.safetensors");
        try {
            for (int at : new int[] {0, 1, s.within(1), s.within(2), s.steps()}) {
                Run cut = s.run(s.fresh(), s.announced());
                for (int i = 0; i < at; i++) {
                    cut.advance();
                }
                Run resumed = s.run(s.fresh(), s.announced());
                try (Scope scope = Scope.open()) {
                    Safetensors.write(file, cut.state());
                    resumed.load(Safetensors.read(file));
                }
                bits(resumed.finish().learner())
                        .requireSame(end, "A run that was resumed from a file of step " + at + " ends differently.");
            }
        } finally {
            Files.deleteIfExists(file);
            Files.delete(folder);
        }
    }

    private static void repeats(Subject<?> s) {
        Learner a = s.learnt();
        Learner b = s.learnt();
        bits(a).requireSame(bits(b), "Two learners with the same seed and rows differ.");
        require(
                java.util.Arrays.equals(s.scores(a), s.scores(b)),
                "Two learners with equal states give different scores.");
    }

    private static void sharesNothing(Subject<?> s) {
        Learner l = s.fresh();
        try (Scope scope = Scope.open()) {
            State saved = s.after(s.within(1)).state().copy();
            Bits before = Bits.of(saved);
            l.load(saved);
            saved.tensors().values().forEach(t -> {
                if (t.numel() > 0) {
                    t.detach().fill_(Tensors.scalar(7));
                }
            });
            bits(l).requireSame(before, "Changing a state after it was loaded changes the learner.");
            State own = l.state().copy();
            s.learn(l, s.mixed(0));
            Bits.of(own).requireSame(before, "A copy of a state changes when the learner goes on.");
        }
    }

    private static void refusesDamage(Subject<?> s) {
        Learner l = s.after(s.within(1));
        Bits before = bits(l);
        try (Scope scope = Scope.open()) {
            State good = s.after(s.within(2)).state();
            Map<String, State> bad = new LinkedHashMap<>();
            bad.put("an empty state", new State());
            bad.put("the state of something else", new State().put("w", Tensors.zeros(ScalarType.Float, 2, 3)));
            bad.put("the state of a learner with another seed", s.fresh(99).state());
            for (String name : good.tensors().keySet()) {
                bad.put("a state without tensor " + name, altered(good, name, null, null));
                Tensor odd = Tensors.zeros(ScalarType.Float, 3, 1, 2, 5);
                bad.put("a state with another shape of tensor " + name, altered(good, name, odd, null));
            }
            for (String name : good.values().keySet()) {
                bad.put("a state without value " + name, altered(good, name, null, null));
                bad.put("a state with a garbled value " + name, altered(good, name, null, "?!"));
            }
            for (Map.Entry<String, State> e : bad.entrySet()) {
                try {
                    l.load(e.getValue());
                } catch (RuntimeException refused) {
                    Messages.requireClear(refused, "load refuses " + e.getKey());
                    bits(l).requireSame(before, "load refused " + e.getKey() + " but changed the learner.");
                    continue;
                }
                bits(l).requireSame(
                                Bits.of(e.getValue()),
                                "load accepted " + e.getKey() + " but the learner is not what it says.");
                l.load(s.after(s.within(1)).state());
            }
            Inputs x = s.testRows().inputs();
            require(
                    Tensors.finite(s.predict(s.learnt(), x).scores()),
                    "After all that, predictions of a whole learner are not finite.");
        }
    }

    /** The state with one entry gone, or replaced. */
    private static State altered(State good, String name, Tensor tensor, String value) {
        State s = new State();
        good.tensors().forEach((k, t) -> {
            if (!k.equals(name)) {
                s.put(k, t);
            } else if (tensor != null) {
                s.put(k, tensor);
            }
        });
        good.values().forEach((k, v) -> {
            if (!k.equals(name)) {
                s.put(k, v);
            } else if (value != null) {
                s.put(k, value);
            }
        });
        return s;
    }
}
