package dev.holdfast.nn.prototype;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Prediction;
import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Head;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.head.HeadSpec;
import dev.holdfast.nn.weight.Dense;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamMeta.Role;
import dev.holdfast.tensor.Resized;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Detections [B, K] to one score a class: the agreement of its best reasoning, a number in [0, 1]. The scores of a row do
 * not sum to 1. Site {@code name} [C, P, E]: P reasonings a class of E free numbers each, E = 2K (stable, classic) or K.
 */
public final class ReasoningHead implements Head {
    /** What the free numbers of a reasoning are. */
    public enum Form {
        /** A softmax over positive and negative entries: the extended classification by components. */
        STABLE,
        /** Probabilities of present, absent and indefinite, the last taken out by division: the older form. */
        CLASSIC,
        /** A softmax over positive entries: radial basis functions. */
        POSITIVE
    }

    /** The form, and the reasonings of a class. */
    public record Spec(Form form, int perClass) implements HeadSpec {
        public Spec {
            if (perClass < 1) {
                throw new IllegalArgumentException(
                        "A class needs at least 1 reasoning but perClass is " + perClass + ".");
            }
        }

        @Override
        public ReasoningHead build(String name, long width, ClassIndex columns, Rng rng, ScalarType dtype) {
            return new ReasoningHead(name, this, width, columns, rng, dtype);
        }
    }

    private final String name;
    private final Spec spec;
    private final long components;
    private final Site theta;
    private ClassIndex columns;

    private ReasoningHead(String name, Spec spec, long components, ClassIndex start, Rng rng, ScalarType dtype) {
        if (components < 1) {
            throw new IllegalArgumentException(
                    "Reasoning needs at least 1 component but there are " + components + ".");
        }
        this.name = name;
        this.spec = spec;
        this.components = components;
        this.columns = ClassIndex.EMPTY;
        try (Scope s = Scope.open()) {
            Tensor none = Tensors.zeros(dtype, 0, spec.perClass, entries());
            ParamMeta m = new ParamMeta(name, Role.HEAD, components, 0, false, 1);
            this.theta = Dense.at(m, Geometry.vector(none.shape()), none);
        }
        grow(start.columns(), rng);
    }

    private ReasoningHead(String name, Spec spec, long components, Site theta, ClassIndex columns) {
        this.name = name;
        this.spec = spec;
        this.components = components;
        this.theta = theta;
        this.columns = columns;
    }

    private long entries() {
        return spec.form == Form.POSITIVE ? components : 2 * components;
    }

    public Spec spec() {
        return spec;
    }

    /** K. */
    public long components() {
        return components;
    }

    /** Class column of every reasoning, in the order of the tables. */
    public int[] owner() {
        return IntStream.range(0, columns.size() * spec.perClass)
                .map(j -> j / spec.perClass)
                .toArray();
    }

    /** The tables of this pass, with graph. */
    public Reasoning reasoning(Pass pass) {
        Tensor rows = theta.weight(pass).reshape(-1, entries());
        return switch (spec.form) {
            case STABLE -> Reasoning.stable(rows, owner());
            case POSITIVE -> Reasoning.positiveOnly(rows, owner());
            case CLASSIC ->
                Reasoning.classic(
                        Tensors.slice(rows, 1, 0, components),
                        Tensors.slice(rows, 1, components, 2 * components),
                        owner());
        };
    }

    @Override
    public Tensor forward(Tensor detections, Pass pass) {
        if (columns.size() == 0) {
            return Tensors.zerosLike(detections, detections.size(0), 0);
        }
        // reasonings stand class by class, so the best of a class is a maximum over neighbours
        Tensor p = reasoning(pass).probability(detections);
        return spec.perClass == 1
                ? p
                : p.reshape(-1, columns.size(), spec.perClass).amax(new long[] {2}, false);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public ClassIndex columns() {
        return columns;
    }

    @Override
    public Prediction.Kind kind() {
        return Prediction.Kind.SCORES;
    }

    @Override
    public List<Resized> grow(List<ClassIndex.Column> added, Rng rng) {
        ClassIndex all = columns.plus(added);
        if (added.isEmpty()) {
            return List.of();
        }
        try (Scope s = Scope.open()) {
            Tensor old = theta.source().toDense();
            Tensor rows =
                    fresh(rng.child(name, columns.size()), old.scalar_type().intern(), added.size());
            Resized grown = Dense.resize(theta, Tensors.cat(0, old, rows));
            columns = all;
            return List.of(grown);
        }
    }

    /** Components nearly even in weight, each a little more expected than not (0.6 - 0.2 U). */
    private Tensor fresh(Rng rng, ScalarType dtype, int classes) {
        long[] shape = {classes, spec.perClass, components};
        Tensor prior = rng.child("prior").uniform(dtype, shape).softmax(2);
        Tensor required = rng.child("required")
                .uniform(dtype, shape)
                .mul(Tensors.scalar(-0.2))
                .add(Tensors.scalar(0.6));
        Tensor absent = required.neg().add(Tensors.scalar(1));
        return switch (spec.form) {
            case STABLE ->
                Tensors.cat(2, prior.mul(required).log(), prior.mul(absent).log());
            case POSITIVE -> prior.log();
            case CLASSIC -> Tensors.cat(2, required, absent.add(Tensors.scalar(0.1)));
        };
    }

    @Override
    public void adopt(ClassIndex saved) {
        if (saved.size() != columns.size()) {
            try (Scope s = Scope.open()) {
                Tensor old = theta.source().toDense();
                Dense.resize(theta, Tensors.zerosLike(old, saved.size(), spec.perClass, entries()));
            }
        }
        columns = saved;
    }

    @Override
    public void describe(Inventory into) {
        into.add(this);
        into.add(theta);
    }

    @Override
    public ReasoningHead copy(Copier c) {
        return new ReasoningHead(name, spec, components, c.site(theta), columns);
    }
}
