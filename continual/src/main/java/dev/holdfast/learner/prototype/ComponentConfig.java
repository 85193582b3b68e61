package dev.holdfast.learner.prototype;

import dev.holdfast.config.Doc;
import dev.holdfast.config.Records;
import dev.holdfast.data.Schema;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.BackboneConfig.Kind;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.nn.prototype.Components;
import dev.holdfast.optim.config.OptimizerConfig;

/**
 * A network of components and how it learns.
 *
 * @param net with the backbone LINEAR components live in input space and predictions have a certified radius; with another
 *     backbone its channels are the components. The optimizer's rate is that of components and backbone
 * @param method what is reasoned with
 * @param components learned components of a shallow network
 * @param perClass reasonings, or prototypes, of a class
 * @param squared whether distances are squared
 * @param tangentRank dimensions in which a component may bend without cost; 0 = a point
 * @param tangentFactor factor of the certified radius of bending components
 * @param sigma width of detection at the start; 0 = by the data
 * @param sharedSigma whether all components have one width
 * @param box where components may be
 * @param objective what is made large
 * @param margin of {@link Objective#MARGIN}, between probabilities
 * @param radius of {@link Objective#RADIUS}, in units of the input; 0 = as large as it gets
 * @param tableRate factor on the rate of reasonings and widths
 * @param floor of deep networks: detections below it count as 0 in predictions
 */
public record ComponentConfig(
        NetConfig net,
        @Doc("COMPONENTS, the older CLASSIC form, RBF (positive reasoning only), or LVQ (nearest prototype)")
                Method method,
        @Doc("learned components of a shallow network") int components,
        @Doc("reasonings, or prototypes, of a class") int perClass,
        @Doc("compare by squared distance") boolean squared,
        @Doc("dimensions in which a component may bend without cost; 0 = none") int tangentRank,
        @Doc("factor of the certified radius of bending components: 1, or 0.5 as in the authors' code")
                double tangentFactor,
        @Doc("distance at which detection falls to 1/e, at the start; 0 = by the data") double sigma,
        @Doc("one width of detection for all components") boolean sharedSigma,
        @Doc("where components may be: UNIT = in [0, 1], FREE = anywhere, AUTO = UNIT for images") Box box,
        @Doc("what is made large: a lead of the right class (MARGIN), or the certified radius (RADIUS)")
                Objective objective,
        @Doc("lead to reach with MARGIN, in probability") double margin,
        @Doc("certified radius to reach with RADIUS, in units of the input; 0 = as large as it gets") double radius,
        @Doc("factor on the learning rate of reasonings and widths") double tableRate,
        @Doc("deep networks: detections below this count as 0 in predictions") double floor) {
    /** What is reasoned with. */
    public enum Method {
        /** Positive and negative reasoning that sum to 1. */
        COMPONENTS,
        /** The older form with an indefinite state. */
        CLASSIC,
        /** Positive reasoning only: radial basis functions. */
        RBF,
        /** The nearest of the prototypes of every class. */
        LVQ
    }

    /** Where components may be. */
    public enum Box {
        AUTO,
        UNIT,
        FREE
    }

    /** What is made large. */
    public enum Objective {
        MARGIN,
        RADIUS
    }

    public ComponentConfig {
        if (perClass < 1) {
            throw new IllegalArgumentException("A class needs at least 1 reasoning but perClass is " + perClass + ".");
        }
        if (!(tangentFactor > 0 && tangentFactor <= 1)) {
            throw new IllegalArgumentException("tangentFactor must be in (0, 1] but is " + tangentFactor + ".");
        }
        if (!(margin > 0) || Double.isInfinite(margin)) {
            throw new IllegalArgumentException("The margin must be finite and > 0 but is " + margin + ".");
        }
        if (!(radius >= 0) || Double.isInfinite(radius)) {
            throw new IllegalArgumentException("The radius to reach must be finite and >= 0 but is " + radius + ".");
        }
        if (!(tableRate >= 0) || Double.isInfinite(tableRate)) {
            throw new IllegalArgumentException("tableRate must be finite and >= 0 but is " + tableRate + ".");
        }
        if (!(floor >= 0 && floor < 1)) {
            throw new IllegalArgumentException("The least detection must be in [0, 1) but is " + floor + ".");
        }
        boolean deep = net.backbone().kind() != Kind.LINEAR;
        if (deep && objective == Objective.RADIUS) {
            throw new IllegalArgumentException(
                    "With the backbone " + net.backbone().kind()
                            + " there is no certified radius to make large.\nMaybe objective=MARGIN, or"
                            + " net.backbone.kind=LINEAR, is meant.");
        }
        if (deep && method == Method.LVQ) {
            throw new IllegalArgumentException("LVQ compares rows as they are, but the backbone is "
                    + net.backbone().kind() + ".\nMaybe net.backbone.kind=LINEAR is meant.");
        }
        // refuses counts, ranks and widths that cannot be
        new Components.Config(components, squared, tangentRank, sigma, sharedSigma, 1e-7, 0, 1);
    }

    /** Twenty components, two reasonings a class, trained for a certified radius of 1. */
    public static ComponentConfig defaults() {
        return new ComponentConfig(
                new NetConfig(BackboneConfig.linear(), OptimizerConfig.adam(0.01), false),
                Method.COMPONENTS,
                20,
                2,
                false,
                0,
                1,
                0,
                false,
                Box.AUTO,
                Objective.RADIUS,
                0.3,
                1,
                5,
                0);
    }

    /** The same with another method, trained for a margin. */
    public ComponentConfig with(Method other) {
        return Records.with(Records.with(this, "method", other), "objective", Objective.MARGIN);
    }

    /** The same, trained for a certified radius. */
    public ComponentConfig forRadius(double r) {
        return Records.with(Records.with(this, "radius", r), "objective", Objective.RADIUS);
    }

    /** The same, trained for a lead in probability. */
    public ComponentConfig forMargin(double m) {
        return Records.with(Records.with(this, "margin", m), "objective", Objective.MARGIN);
    }

    /** The same with components that bend in so many dimensions. */
    public ComponentConfig bending(int rank) {
        return Records.with(this, "tangentRank", rank);
    }

    /** The same with another backbone and rate, trained for a margin. */
    public ComponentConfig with(NetConfig other) {
        return Records.with(Records.with(this, "objective", Objective.MARGIN), "net", other);
    }

    /** Whether the channels of a network are the components. */
    public boolean deep() {
        return net.backbone().kind() != Kind.LINEAR;
    }

    /** Whether components stay in [0, 1] for such rows. */
    boolean boxed(Schema schema) {
        return box == Box.UNIT || box == Box.AUTO && schema.inputs().get(0).kind() == Schema.Field.Kind.IMAGE;
    }

    /** Where components of such rows start. */
    Components.Config componentsFor(Schema schema) {
        boolean unit = boxed(schema);
        double root = Math.sqrt(schema.inputs().get(0).count());
        // entries of images differ by about a third from grey, standardised columns by about 1 from 0
        double width = sigma > 0 ? sigma : unit ? 0.36 * root : root;
        return new Components.Config(
                components, squared, tangentRank, width, sharedSigma, 1e-7, unit ? 0.5 : 0, unit ? 0.05 : 0.5);
    }
}
