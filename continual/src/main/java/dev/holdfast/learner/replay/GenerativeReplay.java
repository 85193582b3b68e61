package dev.holdfast.learner.replay;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Batch;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.model.Vae;
import dev.holdfast.optim.Optimizer;
import dev.holdfast.optim.Step;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.run.Term;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Snapshot;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Deep generative replay: instead of rows a generator of rows is kept. With each batch of part k rows are learnt that the
 * generator of the part before makes and the solver of the part before labels; both the solver and the generator minimise
 * 1/k * mean over real rows + (1 - 1/k) * mean over generated rows (eq. 1), going on from their former weights.
 *
 * <p>The generator is a variational autoencoder on flattened rows. Images are pixels in [0, 1] with a Bernoulli
 * likelihood; other rows are standardised by the first part's means and deviations, with a normal one. What is replayed is
 * the decoder's mean.
 *
 * <p>Shin, Lee, Kim, Kim, <i>Continual Learning with Deep Generative Replay</i>, arXiv 1705.08690.
 */
public final class GenerativeReplay implements NetLearner {
    /** How rows depend on their codes. */
    public enum Likelihood {
        /** BERNOULLI for images, GAUSSIAN for other rows. */
        AUTO,
        /** Pixels in [0, 1]. */
        BERNOULLI,
        /** Numbers of any size, standardised. */
        GAUSSIAN
    }

    /**
     * @param replaySize rows generated for each batch of the stream; 0 = as many as the batch has
     * @param hidden widths of the generator's hidden layers
     * @param latent numbers in a code
     * @param generator optimizer of the generator
     */
    public record Config(
            NetConfig net,
            @Doc("rows generated for each batch of the stream; 0 = as many as it has") int replaySize,
            @Doc("how rows depend on their codes; AUTO chooses by the data") Likelihood likelihood,
            @Doc("widths of the generator's hidden layers") List<Integer> hidden,
            @Doc("numbers in a code") int latent,
            OptimizerConfig generator) {
        public Config {
            hidden = List.copyOf(hidden);
            if (replaySize < 0) {
                throw new IllegalArgumentException("replaySize must be >= 0 but is " + replaySize + ".");
            }
            new Vae.Spec(1, hidden, latent, Vae.Likelihood.GAUSSIAN);
        }
    }

    private static final double TINY = 1e-6;

    private final Config config;
    private final Net net;
    private final Schema.Field field;
    private final Vae vae;
    private final Optimizer optimizer;

    /** Rows of the first part, their means [D] and sums of squared deviations [D]; float64. */
    private long rows;

    private final Tensor means;
    private final Tensor deviations;

    /** Generator and solver as the last part left them; null before. */
    private Vae oldVae;

    private Model oldSolver;
    private long parts;

    public GenerativeReplay(Config config, Schema schema, Rng rng) {
        this.config = config;
        this.net = new Net(config.net, schema, rng.child("net"));
        this.field = schema.x();
        boolean pixels = config.likelihood == Likelihood.BERNOULLI
                || config.likelihood == Likelihood.AUTO && field.kind() == Schema.Field.Kind.IMAGE;
        this.vae = new Vae.Spec(
                        field.count(),
                        config.hidden,
                        config.latent,
                        pixels ? Vae.Likelihood.BERNOULLI : Vae.Likelihood.GAUSSIAN)
                .build(rng.child("generator"), ScalarType.Float);
        this.optimizer = config.generator.build(vae.parameters());
        try (Scope s = Scope.open()) {
            this.means = Scope.own(Tensors.zeros(ScalarType.Double, field.count()));
            this.deviations = Scope.own(Tensors.zeros(ScalarType.Double, field.count()));
        }
    }

    @Override
    public Capabilities capabilities() {
        return Capabilities.of(Trait.NEEDS_BOUNDARIES, Trait.BOUNDED_MEMORY);
    }

    @Override
    public StepReport learn(Batch b) {
        net.requireFits(b);
        Tensor real = b.inputs().x().reshape(b.size(), field.count());
        requirePixels(real);
        net.admit(b);
        if (parts == 0 && b.rows().epoch() == 0 && !pixels()) {
            measure(real);
        }
        Pass pass = net.pass();
        Tensor solved = net.crossEntropy(net.scores(b.inputs(), pass), b);
        Batch dreamt = oldVae == null ? null : dream(config.replaySize == 0 ? b.size() : config.replaySize);
        Tensor loss = solved;
        if (dreamt != null) {
            loss = mixed(solved, net.crossEntropy(net.scores(dreamt.inputs(), pass), dreamt));
        }
        Rng draws = net.draws("codes");
        Step step = net.descend(loss);

        Tensor bound = bound(real, draws.child("real"));
        if (dreamt != null) {
            Tensor again = dreamt.inputs().x().reshape(dreamt.size(), field.count());
            bound = mixed(bound, bound(again, draws.child("dreamt")));
        }
        optimizer.step(Autograd.grad(bound, vae.parameters(), false));

        StepReport r = net.report(loss, b.size() + (dreamt == null ? 0 : dreamt.size()), step);
        return new StepReport(r.loss(), r.rows(), List.of(new Term("generator", bound.item_double())), r.events());
    }

    /** real / k + generated (1 - 1/k) in part k. */
    private Tensor mixed(Tensor real, Tensor generated) {
        double k = parts + 1;
        return real.mul(Tensors.scalar(1 / k)).add(generated.mul(Tensors.scalar(1 - 1 / k)));
    }

    private boolean pixels() {
        return vae.spec().likelihood() == Vae.Likelihood.BERNOULLI;
    }

    private void requirePixels(Tensor x) {
        if (!pixels()) {
            return;
        }
        double least = x.min().item_double();
        double most = x.max().item_double();
        if (!(least >= 0 && most <= 1)) {
            throw new IllegalArgumentException("Field '" + field.name() + "' has numbers from " + least + " to " + most
                    + "; a Bernoulli likelihood needs pixels in [0, 1].\nMaybe likelihood=GAUSSIAN is meant.");
        }
    }

    /** Means and deviations take in rows of the first part. */
    private void measure(Tensor x) {
        try (Scope s = Scope.open()) {
            Tensor d = x.to(ScalarType.Double);
            if (!Tensors.finite(d.mul(d))) {
                return;
            }
            long n = d.size(0);
            Tensor mean = d.mean(new long[] {0});
            Tensor off = d.sub(mean);
            Tensor apart = mean.sub(means);
            double total = rows + n;
            deviations.add_(off.mul(off).sum(0)).add_(apart.mul(apart), Tensors.scalar(rows * n / total));
            means.add_(apart, Tensors.scalar(n / total));
            rows += n;
        }
    }

    /** [D]: what a standardised number of 1 is. */
    private Tensor scale() {
        return deviations.div(Tensors.scalar(Math.max(1, rows))).sqrt().add(Tensors.scalar(TINY));
    }

    /** The generator's mean loss on rows as they are. */
    private Tensor bound(Tensor x, Rng draws) {
        Tensor in = pixels() ? x : x.sub(means).div(scale());
        return vae.loss(
                        in.to(ScalarType.Float),
                        draws.normal(x.size(0), vae.spec().latent()),
                        Pass.train(draws))
                .mean();
    }

    /** Rows of the former generator with the classes that the former solver gives them. */
    private Batch dream(int n) {
        try (var mode = Autograd.noGrad()) {
            Tensor codes = net.draws("dreams").normal(n, vae.spec().latent());
            Tensor x = oldVae.decode(codes, Pass.eval());
            if (!pixels()) {
                x = x.mul(scale()).add(means).to(ScalarType.Float);
            }
            long[] shape = new long[field.shape().size() + 1];
            shape[0] = n;
            for (int i = 1; i < shape.length; i++) {
                shape[i] = field.shape().get(i - 1);
            }
            Inputs in = Inputs.of(Map.of(field.name(), x.reshape(shape)));
            int[] best = Tensors.ints(oldSolver.scores(in, Pass.eval()).argmax(new LongOptional(1), false));
            long[] y = Arrays.stream(best)
                    .mapToLong(c -> oldSolver.head().columns().columns().get(c).classId())
                    .toArray();
            long[] ids = new long[n];
            Arrays.fill(ids, -1);
            return new Batch(in, Target.ClassIds.of(y), Rows.of(ids));
        }
    }

    /** n rows that the generator makes now, with the classes that it was last taught; before the first end an error. */
    public Batch generate(int n) {
        if (oldVae == null) {
            throw new IllegalStateException("There is no generator before the first part is over.");
        }
        return dream(n);
    }

    @Override
    public void end(Experience e) {
        if (net.step() == 0) {
            return;
        }
        parts++;
        oldVae = vae.copy();
        oldSolver = net.teacher();
    }

    @Override
    public Net net() {
        return net;
    }

    @Override
    public Footprint footprint() {
        return net.footprint(Replays.bytes(vae)
                + Replays.bytes(optimizer)
                + Replays.bytes(oldVae)
                + Replays.bytes(oldSolver)
                + means.nbytes()
                + deviations.nbytes());
    }

    @Override
    public State state() {
        State s = new State()
                .put("net", net)
                .put("parts", parts)
                .put("generator", vae)
                .put("optimizer", optimizer)
                .put("rows", rows)
                .put("means", means)
                .put("deviations", deviations);
        return oldVae == null ? s : s.put("oldGenerator", oldVae).put("oldSolver", oldSolver);
    }

    @Override
    public void load(State saved) {
        long newParts = Replays.savedCount(saved, "parts");
        long newRows = Replays.savedCount(saved, "rows");
        Tensors.requireShape("saved means", saved.tensor("means"), field.count());
        Tensors.requireShape("saved deviations", saved.tensor("deviations"), field.count());
        Model newSolver = Replays.savedModel(saved, "oldSolver", net.model());
        Vae newOld = null;
        if (newParts > 0) {
            newOld = vae.copy();
            newOld.load(saved.child("oldGenerator"));
        }
        if ((newSolver == null) != (newOld == null)) {
            throw new IllegalArgumentException("The saved learner finished " + newParts
                    + " parts but has no former solver, or the other way round.\nMaybe the file is damaged.");
        }
        Map<String, Stateful> all = new LinkedHashMap<>();
        all.put("net", net);
        all.put("generator", vae);
        all.put("optimizer", optimizer);
        Snapshot.loadAll(saved, all);
        means.copy_(saved.tensor("means"));
        deviations.copy_(saved.tensor("deviations"));
        parts = newParts;
        rows = newRows;
        oldVae = newOld;
        oldSolver = newSolver;
    }

    @Override
    public void close() {
        means.close();
        deviations.close();
    }

    /** {@code generative-replay}. */
    public static final class Plugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "generative-replay";
        }

        @Override
        public boolean shortlisted() {
            return false;
        }

        @Override
        public String summary() {
            return "deep generative replay: dreams of a variational autoencoder stand for the past";
        }

        @Override
        public String system() {
            return "19-cl-survey";
        }

        @Override
        public String paper() {
            return "Shin et al. 2017, arXiv 1705.08690";
        }

        @Override
        public Config defaults() {
            return new Config(NetConfig.defaults(), 64, Likelihood.AUTO, List.of(256), 32, OptimizerConfig.adam(1e-3));
        }

        @Override
        public List<Axis> space() {
            return List.of(
                    new Axis("net.optimizer.rate", List.of(3e-4, 1e-3, 3e-3)),
                    new Axis("replaySize", List.of(0, 64, 128)));
        }

        @Override
        public GenerativeReplay create(Config config, Schema schema, Rng rng) {
            return new GenerativeReplay(config, schema, rng);
        }
    }
}
