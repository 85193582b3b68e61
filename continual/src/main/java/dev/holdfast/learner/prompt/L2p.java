package dev.holdfast.learner.prompt;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.DataSource;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Schema;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.learner.project.Competing;
import dev.holdfast.learner.project.PartLoss;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.loss.LossInput;
import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.head.HeadSpec;
import dev.holdfast.nn.model.Classifier;
import dev.holdfast.nn.model.PromptPool;
import dev.holdfast.nn.model.TokenEncoder;
import dev.holdfast.nn.model.VisionTransformer;
import dev.holdfast.optim.Optimizer;
import dev.holdfast.optim.Step;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.run.Term;
import dev.holdfast.scenario.Experience;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Snapshot;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Learning to prompt: a transformer stands still; what is learnt are prompts, from which every row chooses those whose
 * keys are most like it, and a head. Rows of different parts choose different prompts, so that little is overwritten.
 *
 * <p>Wang et al., <i>Learning to Prompt for Continual Learning</i>, arXiv 2112.08654, equations 3 to 5, without the counts
 * that spread the choice over the pool. In the paper the transformer was trained on other data; here it is trained on the
 * first part before that is learnt, or not at all.
 */
public final class L2p implements NetLearner {
    /**
     * @param optimizer of prompts, keys and head; it begins anew with every part
     * @param patch side of a patch; 0 = the largest up to 7 that cuts the image into four or more
     * @param prompts M
     * @param length tokens of a prompt
     * @param top prompts that a row chooses
     * @param pull weight of the mean cosine between queries and chosen keys, >= 0
     * @param pretrainEpochs passes over the first part in which the transformer is trained; 0 = it stays random
     * @param pretrainBatch rows of a batch in these passes
     * @param pretrain optimizer in these passes
     */
    public record Config(
            OptimizerConfig optimizer,
            @Doc("side of a patch; 0 = the largest up to 7 that cuts the image into four or more") int patch,
            @Doc("width of tokens") int width,
            @Doc("blocks of the transformer") int depth,
            @Doc("heads of an attention layer") int heads,
            @Doc("prompts in the pool") int prompts,
            @Doc("tokens of a prompt") int length,
            @Doc("prompts that a row chooses") int top,
            @Doc("weight of the mean cosine between queries and chosen keys") double pull,
            @Doc("passes over the first part in which the transformer is trained; 0 = none") int pretrainEpochs,
            @Doc("rows of a batch in these passes") int pretrainBatch,
            OptimizerConfig pretrain) {
        public Config {
            if (patch < 0 || pretrainEpochs < 0 || pretrainBatch < 1) {
                throw new IllegalArgumentException(
                        "patch and pretrainEpochs must be >= 0 and pretrainBatch >= 1 but are " + patch + ", "
                                + pretrainEpochs + " and " + pretrainBatch + ".");
            }
            if (length < 1 || top < 1 || prompts < top) {
                throw new IllegalArgumentException("length and top must be >= 1 and prompts >= top but are " + length
                        + ", " + top + " and " + prompts + ".");
            }
            if (!(pull >= 0) || Double.isInfinite(pull)) {
                throw new IllegalArgumentException("pull must be finite and >= 0 but is " + pull + ".");
            }
        }
    }

    private final Config config;
    private final Rng rng;
    private final Net net;
    private final PartLoss parts = new PartLoss(Competing.OWN_PART);
    private boolean pretrained;

    public L2p(Config config, Schema schema, Rng rng) {
        this.config = config;
        this.rng = rng;
        VisionTransformer transformer = transformer(config, schema);
        NetConfig c = new NetConfig(BackboneConfig.linear(), config.optimizer, false);
        this.net = new Net(c, schema, rng.child("net"), m -> {
            TokenEncoder body = transformer.build(rng.child("body"), ScalarType.Float);
            PromptPool pool = new PromptPool(
                    "prompt", config.prompts, config.length, config.width, rng.child("pool"), ScalarType.Float);
            return new PromptedModel(
                    // nobody trains it but pretraining, which knows it by its own copy
                    (TokenEncoder) body.copy(Copier.frozen()),
                    pool,
                    HeadSpec.linear()
                            .build("head", config.width, ClassIndex.EMPTY, rng.child("head"), ScalarType.Float),
                    config.top,
                    ScalarType.Float);
        });
    }

    private static VisionTransformer transformer(Config c, Schema schema) {
        Schema.Field f = schema.inputs().get(0);
        if (f.kind() != Schema.Field.Kind.IMAGE) {
            throw new IllegalArgumentException("l2p needs images, which it cuts into patches, but field '" + f.name()
                    + "' is a " + f.kind() + ".");
        }
        int patch = c.patch;
        if (patch == 0) {
            long height = f.shape().get(1);
            long width = f.shape().get(2);
            for (int p = 1; p <= 7; p++) {
                boolean fits = height % p == 0 && width % p == 0 && height / p * (width / p) >= 4;
                patch = fits || p == 1 ? p : patch;
            }
        }
        return new VisionTransformer(f.shape(), patch, c.width, c.depth, c.heads, 4, 0);
    }

    @Override
    public Capabilities capabilities() {
        Set<Trait> traits = EnumSet.of(Trait.BOUNDED_MEMORY);
        if (config.pretrainEpochs > 0) {
            traits.add(Trait.NEEDS_BASE);
        }
        return new Capabilities(traits);
    }

    @Override
    public void begin(Experience e) {
        if (!pretrained && net.step() == 0 && config.pretrainEpochs > 0) {
            pretrain(e.train(), e.classes());
            pretrained = true;
        }
        parts.begin(e, net);
    }

    /** The transformer learns the first part under a head that is thrown away, and then stands still for good. */
    private void pretrain(DataSource first, ClassIndex classes) {
        TokenEncoder body = prompted().body();
        Classifier whole;
        try (Scope s = Scope.open()) {
            TokenEncoder moving = transformer(config, net.schema()).build(rng.child("body"), ScalarType.Float);
            whole = new Classifier(
                    moving,
                    HeadSpec.linear().build("head", config.width, classes, rng.child("pretrain"), ScalarType.Float),
                    ScalarType.Float);
        }
        Optimizer optimizer = config.pretrain.build(whole.parameters());
        Loader rows =
                first.batches(Pace.shuffled(config.pretrainEpochs, config.pretrainBatch), rng.child("pretrain rows"));
        for (long step = 0; rows.hasNext(); step++) {
            try (Scope s = Scope.open()) {
                Batch b = rows.next();
                net.requireFits(b);
                Tensor scores = whole.scores(b.inputs(), Pass.train(rng.child("pretrain pass", step)));
                Tensor loss = new CrossEntropy()
                        .value(new LossInput(scores, b.target(), b.rows(), classes))
                        .total(b.rows().weights());
                optimizer.step(Autograd.grad(loss, whole.parameters(), false));
            }
        }
        rows.close();
        net.change(() -> {
            body.load(whole.body().state());
            return null;
        });
    }

    private PromptedModel prompted() {
        return (PromptedModel) net.model();
    }

    @Override
    public StepReport learn(Batch b) {
        net.admit(b);
        parts.note(b, net);
        PromptedModel.Answer a = prompted().answer(b.inputs(), net.pass());
        Tensor task = parts.loss(net, a.scores(), b);
        Tensor alike = a.similarity().mean();
        Tensor loss = task.sub(alike.mul(Tensors.scalar(config.pull)));
        Step step = net.descend(loss);
        StepReport r = net.report(loss, b.size(), step);
        return new StepReport(
                r.loss(),
                r.rows(),
                List.of(new Term("task", task.item_double()), new Term("cosine", alike.item_double())),
                r.events());
    }

    @Override
    public void end(Experience e) {
        parts.end();
    }

    @Override
    public Net net() {
        return net;
    }

    @Override
    public Footprint footprint() {
        Footprint f = net.footprint(0);
        return new Footprint(
                f.parameters() + prompted().body().parameters().count(),
                f.bytes(),
                "ViT " + config.width + " x " + config.depth + ", " + config.prompts + " prompts, "
                        + net.columns().size() + " classes");
    }

    @Override
    public State state() {
        return new State()
                .put("pretrained", Boolean.toString(pretrained))
                .put("net", net)
                .put("parts", parts);
    }

    @Override
    public void load(State saved) {
        boolean newPretrained = saved.flag("pretrained");
        Snapshot.loadAll(saved, Map.of("net", net, "parts", parts));
        pretrained = newPretrained;
    }

    /** {@code l2p}. */
    public static final class Plugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "l2p";
        }

        @Override
        public String summary() {
            return "learning to prompt: a frozen transformer, prompts that rows choose by likeness, and a head";
        }

        @Override
        public String system() {
            return "19-cl-survey";
        }

        @Override
        public String paper() {
            return "Wang et al. 2022, arXiv 2112.08654";
        }

        /** Made for a transformer that has seen other data; one of its own it must be asked for by name. */
        @Override
        public boolean madeFor(Scenario s) {
            return false;
        }

        @Override
        public Config defaults() {
            return new Config(
                    OptimizerConfig.adam(3e-3), 0, 64, 4, 4, 10, 5, 5, 0.5, 3, 32, OptimizerConfig.adam(1e-3));
        }

        @Override
        public List<Axis> space() {
            return List.of(
                    new Axis("optimizer.rate", List.of(1e-3, 3e-3, 1e-2)),
                    new Axis("prompts", List.of(10, 20, 30)),
                    new Axis("pull", List.of(0.1, 0.3, 0.5)));
        }

        @Override
        public L2p create(Config config, Schema schema, Rng rng) {
            return new L2p(config, schema, rng);
        }
    }
}
