package dev.holdfast.app.explain;

import dev.holdfast.app.model.Model;
import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.learner.Differentiable;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.prototype.Certifiable;
import dev.holdfast.nn.prototype.Certificate;
import dev.holdfast.nn.prototype.ComponentNet;
import dev.holdfast.nn.prototype.Explanation;
import dev.holdfast.nn.prototype.Reasoning;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.LongOptional;

/** Asks a saved model of prototypes why it says what it says. For one thread. */
public final class Explainer {
    private static final double MANY = 0.5;
    private final Certifiable model;
    private final ClassIndex names;
    private double faintest;

    private Explainer(Certifiable model, ClassIndex names) {
        this.model = model;
        this.names = names;
    }

    /** Refuses a model that has neither certificates nor reasoning. */
    public static Explainer of(Model m) {
        if (m.learner() instanceof Differentiable d && d.model() instanceof Certifiable c) {
            return new Explainer(c, m.schema().classes());
        }
        throw new IllegalArgumentException("A model of '" + m.card().learner()
                + "' proves nothing about its predictions and has no components to show; expected a model of prototypes."
                + "\nMaybe learn one: holdfast learn DATA --learner component-net --out MODEL.");
    }

    /** The network of components, if the model is one. */
    public Optional<ComponentNet> components() {
        return model instanceof ComponentNet n ? Optional.of(n) : Optional.empty();
    }

    /** Explanations of rows, in order. */
    public List<Explained> explain(Batch b, boolean labelled) {
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            if (model.head().columns().size() == 0) {
                throw new IllegalStateException("Nothing can be explained before the first class was learnt.");
            }
            boolean certified = components().map(ComponentNet::shallow).orElse(true);
            Certificate c = certified ? model.certify(b.inputs()) : null;
            List<Explanation> why = components().map(n -> reasons(n, b)).orElse(null);
            int[] column = Tensors.ints(
                    c != null
                            ? c.column()
                            : model.scores(b.inputs(), Pass.eval()).argmax(new LongOptional(1), false));
            double[] radius = c == null ? null : Tensors.doubles(c.radius());
            faintest = Math.max(faintest, c == null ? 0 : c.faint());
            long[] truth = labelled ? b.classIds() : null;
            List<Explained> all = new ArrayList<>();
            for (int i = 0; i < column.length; i++) {
                Explanation e = why == null ? null : why.get(i);
                all.add(new Explained(
                        b.rows().ids()[i],
                        named(column[i]),
                        truth == null || truth[i] < 0
                                ? null
                                : names.columns()
                                        .get(names.columnOf(Math.toIntExact(truth[i])))
                                        .name(),
                        radius == null ? null : radius[i],
                        e,
                        e == null || e.rival() < 0 ? null : named(owner(e.rival()))));
            }
            return all;
        }
    }

    private static List<Explanation> reasons(ComponentNet n, Batch b) {
        Reasoning tables = n.head().reasoning(Pass.eval());
        return Explanation.of(n.detections(b.inputs().x(), Pass.eval()), tables);
    }

    private int owner(int reasoning) {
        return components().orElseThrow().head().owner()[reasoning];
    }

    private String named(int column) {
        int id = model.head().columns().columns().get(column).classId();
        return names.columns().get(names.columnOf(id)).name();
    }

    /** What should be known about all rows, if anything. */
    public Optional<String> warning() {
        return faintest > MANY
                ? Optional.of(String.format(
                        java.util.Locale.ROOT,
                        "%.0f %% of the detections are below 1e-6: the widths sigma are too small for these rows, and radii say"
                                + " little.%nMaybe learn with a larger --set sigma.",
                        100 * faintest))
                : Optional.empty();
    }
}
