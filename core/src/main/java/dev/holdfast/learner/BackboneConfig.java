package dev.holdfast.learner;

import dev.holdfast.config.Doc;
import dev.holdfast.config.Records;
import dev.holdfast.data.Schema;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.head.HeadSpec;
import dev.holdfast.nn.layer.Activation;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.layer.Norm;
import dev.holdfast.nn.model.Backbone;
import dev.holdfast.nn.model.ConvNet;
import dev.holdfast.nn.model.Mlp;
import dev.holdfast.nn.model.ResNetSlim;
import dev.holdfast.nn.model.VisionTransformer;
import dev.holdfast.nn.quant.Grid;
import dev.holdfast.nn.quant.LowPrecision;
import dev.holdfast.nn.quant.QuantisedInput;
import dev.holdfast.nn.quant.QuantisedWeight;
import dev.holdfast.tensor.Rng;
import java.util.List;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Which network a learner trains below its linear head; what is left open is chosen by the schema.
 *
 * @param kind AUTO = a multilayer perceptron for vectors and images of at most 1024 numbers, a ConvNet for larger images
 * @param widths hidden widths (MLP, default 100, 100) or channels (CONVNET, default 16, 32, 64); empty = the default
 * @param init how fully connected weights start
 * @param norm of MLP and CONVNET, before every activation; a RESNET has group norms and a VIT layer norms
 * @param precision numbers that hidden linear maps compute with, simulated by {@link LowPrecision} with its published settings; the
 *     weights that are trained, the head and everything else stay in full precision
 */
public record BackboneConfig(
        @Doc("which network; AUTO chooses by the data") Kind kind,
        @Doc("hidden widths or channels; empty = the network's default") List<Integer> widths,
        @Doc("how fully connected weights start") Init init,
        @Doc("norm of an MLP or CONVNET before every activation") Norm norm,
        @Doc("numbers that hidden linear maps compute with, simulated; FULL = all") Grid precision) {
    /** The backbones that can be named. */
    public enum Kind {
        AUTO,
        /** No network at all: the head sits on the flattened inputs. */
        LINEAR,
        MLP,
        CONVNET,
        RESNET,
        VIT
    }

    private static final int SMALL = 1024;

    public BackboneConfig {
        widths = List.copyOf(widths);
    }

    /** In full precision. */
    public BackboneConfig(Kind kind, List<Integer> widths, Init init, Norm norm) {
        this(kind, widths, init, norm, Grid.FULL);
    }

    /** Without norms. */
    public BackboneConfig(Kind kind, List<Integer> widths, Init init) {
        this(kind, widths, init, Norm.NONE);
    }

    /** The same with a norm before every activation. */
    public BackboneConfig withNorm(Norm n) {
        return Records.with(this, "norm", n);
    }

    /** The same with hidden linear maps that compute in few bits. */
    public BackboneConfig withPrecision(Grid g) {
        return Records.with(this, "precision", g);
    }

    /**
     * The same network with so many times the width everywhere, rounded.
     *
     * @throws IllegalArgumentException if the network has no widths to set, unless {@code factor} is 1
     */
    public BackboneConfig widened(double factor, Schema schema) {
        if (!(factor > 0) || Double.isInfinite(factor)) {
            throw new IllegalArgumentException("A network cannot be " + factor + " times as wide.");
        }
        if (factor == 1) {
            return this;
        }
        Kind resolved = resolve(field(schema));
        if (resolved != Kind.MLP && resolved != Kind.CONVNET) {
            throw new IllegalArgumentException("The width of a " + resolved + " cannot be changed, but " + factor
                    + " times as wide was asked for.\nMaybe backbone.kind=CONVNET or MLP is meant.");
        }
        List<Integer> wider = (resolved == Kind.MLP ? mlpWidths() : channels())
                .stream().map(w -> Math.max(1, (int) Math.round(w * factor))).toList();
        return new BackboneConfig(resolved, wider, init, norm, precision);
    }

    public static BackboneConfig auto() {
        return new BackboneConfig(Kind.AUTO, List.of(), Init.KAIMING_UNIFORM);
    }

    public static BackboneConfig mlp(Init init, Integer... widths) {
        return new BackboneConfig(Kind.MLP, List.of(widths), init);
    }

    /** A linear classifier on the inputs as they are. */
    public static BackboneConfig linear() {
        return new BackboneConfig(Kind.LINEAR, List.of(), Init.KAIMING_UNIFORM);
    }

    /** A fresh float32 network for rows of the schema's first field, with a head without columns. */
    public Model build(Schema schema, Rng rng) {
        return build(schema, rng, HeadSpec.linear());
    }

    /** The same with another head. */
    public Model build(Schema schema, Rng rng, HeadSpec head) {
        Model m = blueprint(schema).with(head).build(rng, ScalarType.Float);
        if (precision != Grid.FULL) {
            if (Inventory.of(m).sites().stream().noneMatch(LowPrecision.hiddenMaps())) {
                throw new IllegalArgumentException("There is no hidden linear map that could compute in " + precision
                        + " in a network of kind " + resolve(field(schema))
                        + ".\nMaybe backbone.kind=MLP or VIT is meant, or backbone.precision=FULL.");
            }
            LowPrecision.of(precision).apply(m);
        }
        return m;
    }

    /**
     * Refuses a network of which a learner has given linear maps weights of another kind, so that they would compute with inputs of few
     * bits and weights of many.
     */
    void requirePrecision(Model m) {
        for (Site s : Inventory.of(m).sites()) {
            if (s.input() instanceof QuantisedInput && !(s.source() instanceof QuantisedWeight)) {
                throw new IllegalArgumentException("This learner gives the map '" + s.name() + "' a weight of its own ("
                        + s.source().kind() + "), which cannot compute in " + precision
                        + ".\nMaybe backbone.precision=FULL is meant.");
            }
        }
    }

    /** One line for people. */
    public String describe(Schema schema) {
        return name(schema) + (precision == Grid.FULL ? "" : " in " + precision);
    }

    private String name(Schema schema) {
        return switch (resolve(field(schema))) {
            case LINEAR -> "linear";
            case MLP -> "MLP " + mlpWidths();
            case CONVNET -> "ConvNet " + channels();
            case RESNET -> "slim ResNet-18";
            case VIT -> "ViT-tiny";
            case AUTO -> throw new IllegalStateException("AUTO was resolved");
        };
    }

    private Backbone blueprint(Schema schema) {
        Schema.Field field = field(schema);
        List<Long> shape = field.shape();
        Kind resolved = resolve(field);
        if (resolved != Kind.MLP && resolved != Kind.LINEAR && field.kind() != Schema.Field.Kind.IMAGE) {
            throw new IllegalArgumentException("A " + resolved + " needs images but field '" + field.name() + "' is a "
                    + field.kind() + " of shape " + shape + ".\nMaybe backbone.kind=MLP is meant.");
        }
        return switch (resolved) {
            case LINEAR -> new Mlp(shape, List.of(), init, Activation.RELU, 0, Norm.NONE);
            case MLP -> new Mlp(shape, mlpWidths(), init, Activation.RELU, 0, norm);
            case CONVNET -> new ConvNet(shape, channels(), norm);
            case RESNET -> new ResNetSlim(shape, 20, Norm.GROUP);
            case VIT -> VisionTransformer.of(shape.get(0), shape.get(1), shape.get(2), 7);
            case AUTO -> throw new IllegalStateException("AUTO was resolved");
        };
    }

    private static Schema.Field field(Schema schema) {
        Schema.Field f = schema.inputs().get(0);
        if (f.kind() != Schema.Field.Kind.VECTOR && f.kind() != Schema.Field.Kind.IMAGE) {
            throw new IllegalArgumentException("A network needs numbers or images but field '" + f.name() + "' is a "
                    + f.kind() + ".\nMaybe texts are to be encoded first.");
        }
        return f;
    }

    private Kind resolve(Schema.Field field) {
        if (kind != Kind.AUTO) {
            return kind;
        }
        long numbers = field.shape().stream().reduce(1L, (a, b) -> a * b);
        return field.kind() == Schema.Field.Kind.IMAGE && numbers > SMALL ? Kind.CONVNET : Kind.MLP;
    }

    private List<Integer> mlpWidths() {
        return widths.isEmpty() ? List.of(100, 100) : widths;
    }

    private List<Integer> channels() {
        return widths.isEmpty() ? List.of(16, 32, 64) : widths;
    }
}
