package dev.holdfast.nn.prototype;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.prototype.MarginLoss;
import dev.holdfast.loss.prototype.RobustRadius;
import dev.holdfast.loss.prototype.ViewLosses;
import dev.holdfast.nn.Pass;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamMeta.Role;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Distances, detections, reasoning, losses, radii and their gradients as published. */
class RobustPbnGoldenTest {
    static Stream<GoldenCase> cases() {
        return Golden.cases("56-robust-pbn");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void golden(GoldenCase c) {
        try (Scope s = Scope.open()) {
            switch (c.kind()) {
                case "stable_cbc" -> stable(c);
                case "classic_cbc" -> classic(c);
                case "rbf" -> rbf(c);
                case "tangent" -> tangent(c);
                case "certificate" -> certificate(c);
                case "deep_head" -> deep(c);
                default -> c.failOnKind();
            }
            c.assertAllCompared();
        }
    }

    private static Tensor leaf(Tensor t) {
        Tensor l = t.clone();
        l.set_requires_grad(true);
        return l;
    }

    /** Detections of points, widths and rows as a case gives them. */
    private static ComponentNet.Detected detected(GoldenCase c, Tensor distance, Tensor squared, Tensor sigma) {
        Tensor d = distance.div(sigma).neg().exp();
        Tensor largest = c.flag("squared")
                ? Distances.root(squared.amax(new long[] {1}, false), c.number("distance_eps"))
                : null;
        return new ComponentNet.Detected(d, sigma.min(), largest, 1);
    }

    private static Tensor distance(GoldenCase c, Tensor squared) {
        return c.flag("squared") ? squared : Distances.root(squared, c.number("distance_eps"));
    }

    private static int[] owner(GoldenCase c) {
        return Tensors.ints(c.tensor("reasoning_labels").argmax(new LongOptional(1), false));
    }

    private static void stable(GoldenCase c) {
        Tensor components = leaf(c.tensor("components"));
        Tensor theta = leaf(c.tensor("reasoning_logits"));
        Tensor rawSigma = leaf(c.tensor("sigma"));
        int[] y = c.ints("y");
        int[] owner = owner(c);
        Tensor squared = Distances.squared(c.tensor("x"), components);
        Tensor distance = distance(c, squared);
        ComponentNet.Detected d = detected(c, distance, squared, rawSigma.abs().add(Tensors.scalar(1e-7)));
        Reasoning tables = Reasoning.stable(theta.t(), owner);
        Tensor p = tables.probability(d.detections());
        Tensor classes = tables.byClass(p);
        c.assertOutput("distance", distance);
        c.assertOutput("detection", d.detections());
        c.assertOutput("class_reasoning_probability", p);
        c.assertOutput("margin_loss", new MarginLoss(c.number("margin")).perSample(classes, y));
        c.assertOutput("certified_radius", d.radius(tables, y));
        ClassIndex columns = ClassIndex.numbered(tables.classes());
        Tensor loss = new RobustRadius(c.number("robust_margin"))
                .value(new LossInput(
                        classes,
                        Target.ClassIds.of(Arrays.stream(y).asLongStream().toArray()),
                        Rows.of(LongStream.range(0, y.length).toArray()),
                        columns,
                        RobustRadius.side(d, tables),
                        true))
                .perSample();
        c.assertOutput("robust_loss", loss);
        Parameters all = new Parameters(
                List.of(meta("components"), meta("theta"), meta("sigma")), List.of(components, theta, rawSigma));
        ParamVector g = Autograd.grad(loss.mean(), all, false);
        c.assertOutput("grad_components", g.get(0));
        c.assertOutput("grad_reasoning_logits", g.get(1));
        c.assertOutput("grad_sigma", g.get(2));
    }

    private static ParamMeta meta(String name) {
        return new ParamMeta(name, Role.OTHER, 1, 1, false, 0);
    }

    private static void classic(GoldenCase c) {
        Tensor raw = c.tensor("raw");
        int[] owner = IntStream.range(0, (int) raw.size(2)).toArray();
        Reasoning tables =
                Reasoning.classic(raw.select(0, 0).t(), raw.select(0, 1).t(), owner);
        c.assertOutput("probability", tables.probability(c.tensor("detection")));
    }

    private static void rbf(GoldenCase c) {
        Tensor weights = c.tensor("weight_logits");
        int[] owner = IntStream.range(0, (int) weights.size(1)).toArray();
        Reasoning tables = Reasoning.positiveOnly(weights.t(), owner);
        Tensor squared = Distances.squared(c.tensor("x"), c.tensor("components"));
        ComponentNet.Detected d = detected(
                c, distance(c, squared), squared, c.tensor("sigma").abs().add(Tensors.scalar(1e-7)));
        c.assertOutput("output", tables.probability(d.detections()));
        c.assertOutput("certified_radius", d.radius(tables, c.ints("y")));
    }

    private static void tangent(GoldenCase c) {
        Tensor squared = Distances.tangentSquared(c.tensor("x"), c.tensor("translations"), c.tensor("tangents"));
        c.assertOutput("squared", squared);
        c.assertOutput("distance", Distances.root(squared, c.number("distance_eps")));
    }

    private static void certificate(GoldenCase c) {
        Reasoning tables = Reasoning.stable(c.tensor("reasoning_logits").t(), owner(c));
        Tensor squared = Distances.squared(c.tensor("x"), c.tensor("components"));
        ComponentNet.Detected d = detected(
                c, distance(c, squared), squared, c.tensor("sigma").abs().add(Tensors.scalar(1e-7)));
        Tensor predicted = tables.byClass(tables.probability(d.detections())).argmax(new LongOptional(1), false);
        c.assertOutput("predicted", Tensors.ints(predicted));
        c.assertOutput("radius", d.radius(tables, Tensors.ints(predicted)));
    }

    private static void deep(GoldenCase c) {
        Tensor maps = c.tensor("feature_maps");
        Tensor theta = c.tensor("reasoning_logits");
        int[] owner = IntStream.range(0, (int) theta.size(1)).toArray();
        Tensor d = new ComponentMaps(0).forward(maps, Pass.eval());
        c.assertOutput("detection", d);
        c.assertOutput("probability", Reasoning.stable(theta.t(), owner).probability(d));
        // the two halves of the batch are the two views
        long half = maps.size(0) / 2;
        c.assertOutput(
                "align_loss", ViewLosses.align(Tensors.slice(maps, 0, half), Tensors.slice(maps, half, 2 * half)));
        c.assertOutput("tanh_loss", ViewLosses.occurs(Tensors.slice(d, 0, half), Tensors.slice(d, half, 2 * half)));
    }
}
