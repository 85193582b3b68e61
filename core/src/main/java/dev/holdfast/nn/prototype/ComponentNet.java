package dev.holdfast.nn.prototype;

import dev.holdfast.data.Inputs;
import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.layer.Pooling;
import dev.holdfast.nn.layer.Sequence;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Classification by components: a body, detection of components, reasoning over them. With a body that only shapes rows it
 * is shallow: components live in input space, can be looked at, and every prediction has a certified radius. With a network
 * as its body the channels of its last map are the components, and there is no radius for the inputs.
 *
 * <p>A Robust Prototype-Based Network with Interpretable RBF Classifier Foundations, arXiv 2412.15499.
 */
public final class ComponentNet implements Certifiable {
    private static final double FAINT = 1e-6;
    private final Layer body;
    private final Layer detection;
    private final ReasoningHead head;
    private final double tangentFactor;
    private final ScalarType dtype;

    /**
     * A shallow network.
     *
     * @param body what brings rows into the shape [B, n]; it must have no weights and not change distances
     * @param tangentFactor factor of the radius of affine components: 1, or 0.5 as in the authors' code
     */
    public ComponentNet(Layer body, Components components, ReasoningHead head, double tangentFactor, ScalarType dtype) {
        this(body, (Layer) components, head, tangentFactor, dtype);
        if (components.count() != head.components()) {
            throw new IllegalArgumentException("There are " + components.count() + " components but the reasoning is"
                    + " over " + head.components() + ".");
        }
    }

    /** A deep network: the channels of {@code body}'s maps [B, K, H, W] (or rows [B, K]) are the components. */
    public ComponentNet(Layer body, ComponentMaps maps, ReasoningHead head, ScalarType dtype) {
        this(body, maps, head, 1, dtype);
    }

    private ComponentNet(Layer body, Layer detection, ReasoningHead head, double tangentFactor, ScalarType dtype) {
        if (!(tangentFactor > 0 && tangentFactor <= 1)) {
            throw new IllegalArgumentException("The tangent factor must be in (0, 1] but is " + tangentFactor + ".");
        }
        this.body = body;
        this.detection = detection;
        this.head = head;
        this.tangentFactor = tangentFactor;
        this.dtype = dtype.intern();
    }

    /** The same body without the mean over places at its end, if it has one: what is left gives maps. */
    public static Layer withoutPooling(Layer body) {
        if (body instanceof Sequence s) {
            List<Layer> layers = s.layers();
            int last = layers.size() - 1;
            if (last >= 0 && layers.get(last) == Pooling.GLOBAL_AVERAGE) {
                return new Sequence("body", layers.subList(0, last));
            }
        }
        return body;
    }

    /** The components in input space; refused for deep networks. */
    public Components components() {
        if (detection instanceof Components c) {
            return c;
        }
        throw new IllegalStateException("The components of this network are channels of a network, not points in input"
                + " space, so there is nothing to look at and no radius.\nMaybe net.backbone.kind=LINEAR is meant.");
    }

    /** Whether components live in input space. */
    public boolean shallow() {
        return detection instanceof Components;
    }

    public Layer body() {
        return body;
    }

    /** What the body gives for rows: [B, n], or maps [B, K, H, W]. */
    public Tensor embed(Tensor x, Pass pass) {
        return body.forward(x.scalar_type().intern() == dtype ? x : x.to(dtype), pass);
    }

    @Override
    public Tensor features(Inputs in, Pass pass) {
        return detections(in.x(), pass);
    }

    /** Detections [B, K] of rows as they are. */
    public Tensor detections(Tensor x, Pass pass) {
        return detection.forward(embed(x, pass), pass);
    }

    @Override
    public Tensor scores(Inputs in, Pass pass) {
        return scores(in.x(), pass);
    }

    /** Agreement of every class [B, C] of rows as they are. */
    public Tensor scores(Tensor x, Pass pass) {
        return head.forward(detections(x, pass), pass);
    }

    /** Everything that losses and certificates need of one forward pass. */
    public Detected detected(Tensor x, Pass pass) {
        Tensor rows = embed(x, pass);
        if (detection instanceof Components c) {
            Tensor squared = c.squaredDistances(rows, pass);
            return new Detected(
                    c.detect(squared, pass),
                    c.sigma(pass).min(),
                    c.config().squared()
                            ? Distances.root(
                                    squared.amax(new long[] {1}, false),
                                    c.config().distanceEps())
                            : null,
                    c.config().tangentRank() > 0 ? tangentFactor : 1);
        }
        return new Detected(detection.forward(rows, pass), null, null, 1);
    }

    /**
     * One forward pass up to the detections.
     *
     * @param detections [B, K]
     * @param sigma smallest width, or null in deep networks
     * @param largest distance to the farthest component [B] where distances are squared, else null
     * @param factor of the radius
     */
    public record Detected(Tensor detections, Tensor sigma, Tensor largest, double factor) {
        /** Certified radius [B] of rows taken to be of these columns; see {@link Certificate#radius}. */
        public Tensor radius(Reasoning tables, int... column) {
            if (sigma == null) {
                throw new IllegalStateException("A deep network has no certified radius for its inputs."
                        + "\nMaybe net.backbone.kind=LINEAR is meant.");
            }
            Tensor r = Certificate.radius(detections, tables, sigma, column);
            r = largest == null ? r : Certificate.squared(r, largest, 1);
            return factor == 1 ? r : r.mul(Tensors.scalar(factor));
        }
    }

    @Override
    public Certificate certify(Inputs in) {
        requireClasses(head.columns().size());
        components();
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            Pass pass = Pass.eval();
            Detected d = detected(in.x(), pass);
            Reasoning tables = head.reasoning(pass);
            Tensor column = tables.byClass(tables.probability(d.detections)).argmax(new LongOptional(1), false);
            Tensor radius = d.radius(tables, Tensors.ints(column)).clamp_min(Tensors.scalar(0));
            double faint = d.detections
                    .lt(Tensors.scalar(FAINT))
                    .to(ScalarType.Double)
                    .mean()
                    .item_double();
            return new Certificate(s.keep(column), s.keep(radius), faint);
        }
    }

    static void requireClasses(int classes) {
        if (classes == 0) {
            throw new IllegalStateException("Nothing can be certified before the first class was learnt.");
        }
    }

    @Override
    public ReasoningHead head() {
        return head;
    }

    @Override
    public void describe(Inventory into) {
        body.describe(into);
        detection.describe(into);
        head.describe(into);
    }

    @Override
    public ComponentNet copy(Copier c) {
        return new ComponentNet(c.part(body), c.part(detection), c.part(head), tangentFactor, dtype);
    }

    @Override
    public ComponentNet copy() {
        return copy(new Copier());
    }
}
