package dev.holdfast.learner.fewshot;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.augment.LabelViews;
import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.Part;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.head.ViewHead;
import dev.holdfast.nn.layer.Activation;
import dev.holdfast.nn.layer.Fresh;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.layer.Linear;
import dev.holdfast.nn.layer.Sequence;
import dev.holdfast.nn.model.Classifier;
import dev.holdfast.nn.weight.SoftMask;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * An encoder, if need be with a projection behind it, under a head with weights for every view; and beside it what only the
 * training of the base looks at: projections for contrastive losses, a head that tells turns. Scores are averaged over the
 * views of an image.
 */
final class BagModel implements Model {
    private final Layer body;
    private final Layer neck;
    private final ViewHead head;
    private final LabelViews views;
    private final Layer contrast;
    private final Layer instances;
    private final Layer rotation;

    private BagModel(
            Layer body, Layer neck, ViewHead head, LabelViews views, Layer contrast, Layer instances, Layer rotation) {
        this.body = body;
        this.neck = neck;
        this.head = head;
        this.views = views;
        this.contrast = contrast;
        this.instances = instances;
        this.rotation = rotation;
    }

    /**
     * The body of a fresh network with what the tricks need.
     *
     * @param prototypes that the features are to have room for; 0 = none
     */
    static BagModel of(Model fresh, BagConfig c, LabelViews views, double rotation, long prototypes, Rng rng) {
        if (!(fresh instanceof Classifier net)) {
            throw new IllegalArgumentException("This learner needs a network with one body below its head.");
        }
        if (c.tuning().learnsScores()) {
            for (Site s : Inventory.of(net.body()).sites()) {
                if (s.geometry().kind() == Geometry.Kind.LINEAR || s.geometry().kind() == Geometry.Kind.CONV) {
                    s.source(SoftMask.of(s, c.tuning().fraction(), rng.child("mask " + s.name())));
                }
            }
        }
        long width = width(net);
        Fresh layers = new Fresh(rng, ScalarType.Float, Init.KAIMING_UNIFORM);
        boolean narrow = prototypes > width && c.assigned().projection() > 0;
        long d = narrow ? c.assigned().projection() : width;
        return new BagModel(
                net.body(),
                narrow ? projection("neck", width, d, layers) : null,
                new ViewHead.Spec(c.scale(), views.count())
                        .build("head", d, ClassIndex.EMPTY, rng.child("head"), ScalarType.Float),
                views,
                c.contrast().weight() > 0
                        ? projection("contrast", d, c.contrast().width(), layers)
                        : null,
                c.pretraining().on() ? projection("instances", d, c.contrast().width(), layers) : null,
                rotation > 0 ? new Linear("rotation", d, 4, true, layers) : null);
    }

    private static long width(Classifier net) {
        return Inventory.of(net.head()).sites().stream()
                .filter(s -> s.geometry().kind() == Geometry.Kind.LINEAR)
                .findFirst()
                .orElseThrow()
                .geometry()
                .shape()
                .get(1);
    }

    /** Two layers with a ReLU between, as contrastive losses have them. */
    private static Layer projection(String name, long in, long out, Fresh fresh) {
        return new Sequence(
                name,
                new Linear(name + ".0", in, in, true, fresh),
                Activation.RELU,
                new Linear(name + ".1", in, out, true, fresh));
    }

    @Override
    public Tensor features(Inputs in, Pass pass) {
        return features(in.x(), pass);
    }

    /** Features [n,D] of rows as they are. */
    Tensor features(Tensor x, Pass pass) {
        Tensor f = body.forward(x.scalar_type().intern() == ScalarType.Float ? x : x.to(ScalarType.Float), pass);
        return neck == null ? f : neck.forward(f, pass);
    }

    /** The mean over views of what each says about the classes. */
    @Override
    public Tensor scores(Inputs in, Pass pass) {
        return views.average(head.joint(features(views.all(in.x()), pass), pass));
    }

    /** Embeddings for the supervised contrastive loss. */
    Tensor contrasted(Tensor features, Pass pass) {
        return contrast.forward(features, pass);
    }

    /** Embeddings for training without labels. */
    Tensor instances(Tensor features, Pass pass) {
        return instances.forward(features, pass);
    }

    /** Logits [n,4] of the turn of an image. */
    Tensor turns(Tensor features, Pass pass) {
        return rotation.forward(features, pass);
    }

    @Override
    public ViewHead head() {
        return head;
    }

    LabelViews views() {
        return views;
    }

    /** Leaves of the encoder, the projection behind it included. */
    Parameters encoder() {
        return neck == null ? body.parameters() : body.parameters().and(neck.parameters());
    }

    /** Sites of the encoder whose entries are masked. */
    List<Site> masked() {
        return Inventory.of(body).sites().stream()
                .filter(s -> s.source() instanceof SoftMask)
                .toList();
    }

    /** Leaves of what makes contrastive embeddings. */
    Parameters embedding() {
        return encoder().and(contrast.parameters());
    }

    @Override
    public void describe(Inventory into) {
        body.describe(into);
        for (Part p : new Part[] {neck, head, contrast, instances, rotation}) {
            if (p != null) {
                p.describe(into);
            }
        }
    }

    @Override
    public BagModel copy(Copier c) {
        return new BagModel(
                c.part(body), c.part(neck), c.part(head), views, c.part(contrast), c.part(instances), c.part(rotation));
    }

    @Override
    public BagModel copy() {
        return copy(new Copier());
    }
}
