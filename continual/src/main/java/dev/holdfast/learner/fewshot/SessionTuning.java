package dev.holdfast.learner.fewshot;

import dev.holdfast.learner.fewshot.BagConfig.Tuning;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.weight.SoftMask;
import dev.holdfast.optim.ChainOptimizer;
import dev.holdfast.optim.GradientTransform;
import dev.holdfast.optim.ParamGroup;
import dev.holdfast.optim.ParamGroup.Decay;
import dev.holdfast.optim.rule.Adam;
import dev.holdfast.optim.schedule.Constant;
import dev.holdfast.optim.transform.ElementMask;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;

/** Tricks 4 and 5: a few steps on the rows of a session, with norms in evaluation mode. */
final class SessionTuning {
    private static final String ROWS = "few-shot.rows";

    private SessionTuning() {}

    /** Leaves of the encoder that may move. */
    static Parameters movable(BagModel model, Tuning t) {
        Parameters encoder = model.encoder();
        int last = encoder.meta().stream().mapToInt(ParamMeta::depth).max().orElse(0);
        return encoder.where(
                m -> m.role() != ParamMeta.Role.OTHER && (t.moves() != Tuning.Moves.LAST_STAGE || m.depth() == last));
    }

    /**
     * Trick 5: the entries of each leaf that may move, by name, in memory of their own.
     *
     * @param fisher squared gradients on the base by name of the leaf; read for the score FISHER only
     */
    static Map<String, Tensor> masks(BagModel model, Tuning t, Function<String, Tensor> fisher) {
        Map<String, Tensor> scores = new LinkedHashMap<>();
        Parameters p = movable(model, t);
        for (int i = 0; i < p.size(); i++) {
            String name = p.meta().get(i).name();
            switch (t.score()) {
                case MAGNITUDE -> scores.put(name, p.get(i));
                case FISHER -> scores.put(name, fisher.apply(name));
                // leaves without scores (offsets, norms) stand still
                case LEARNED -> {}
            }
        }
        if (t.score() == Tuning.Score.LEARNED) {
            for (Site s : model.masked()) {
                String name = s.source().leaves().get(0).meta().name();
                if (p.meta().stream().anyMatch(m -> m.name().equals(name))) {
                    scores.put(name, ((SoftMask) s.source()).scores());
                }
            }
        }
        Map<String, Tensor> masks = new LinkedHashMap<>();
        try (Scope s = Scope.open()) {
            scores.forEach((name, score) -> masks.put(
                    name, Scope.own(SoftMask.smallest(score, t.fraction()).mask())));
        }
        return masks;
    }

    /**
     * What a session is tuned on.
     *
     * @param x rows in all views
     * @param label row of the weights of each
     * @param old mean embeddings of old classes [R, D]; may have no row
     * @param oldLabel row of the weights of each
     * @param fresh rows of the weights that move
     */
    record Material(Tensor x, int[] label, Tensor old, int[] oldLabel, int[] fresh) {}

    /**
     * Moves the encoder, and the fresh rows of the weights unless they are assigned.
     *
     * @param weights [M columns, D]
     * @return the weights afterwards, and the loss before the last step
     */
    static Tuned run(
            BagModel model, Tuning t, Material m, Tensor weights, boolean rowsMove, Map<String, Tensor> masks) {
        Tensor fresh = Tensors.rows(weights, m.fresh).detach().clone().set_requires_grad(rowsMove);
        Parameters encoder = t.encoderRate() == 0 ? none() : movable(model, t);
        Parameters p = rowsMove
                ? new Parameters(
                                List.of(new ParamMeta(
                                        ROWS, ParamMeta.Role.HEAD, weights.size(1), fresh.size(0), false, 0)),
                                List.of(fresh))
                        .and(encoder)
                : encoder;
        if (p.size() == 0) {
            return new Tuned(weights, Double.NaN);
        }
        ChainOptimizer optimizer = optimizer(t, p, fresh, masks);
        Tensor at = Tensors.ids(m.fresh);
        int[] labels = concat(m.label, m.oldLabel);
        Tensor still = encoder.size() == 0 ? model.features(m.x, Pass.eval()).detach() : null;
        double loss = Double.NaN;
        for (int i = 0; i < t.epochs(); i++) {
            try (Scope s = Scope.open();
                    var mode = Autograd.withGrad()) {
                Tensor f = still != null ? still : model.features(m.x, Pass.eval());
                Tensor rows = weights.detach().index_copy(0, at, fresh);
                Tensor logits = model.head().logits(Tensors.cat(0, f, m.old.to(f.scalar_type())), rows);
                Tensor l = BaseTraining.crossEntropy(logits, labels).mean();
                loss = l.item_double();
                ParamVector g = Autograd.grad(l, p, false);
                optimizer.step(g, null);
            }
        }
        return new Tuned(weights.detach().index_copy(0, at, fresh.detach()), loss);
    }

    /** Weights after tuning, and the loss before the last step. */
    record Tuned(Tensor weights, double loss) {}

    private static Parameters none() {
        return new Parameters(List.of(), List.of());
    }

    private static ChainOptimizer optimizer(Tuning t, Parameters p, Tensor fresh, Map<String, Tensor> masks) {
        List<GradientTransform> transforms = List.of();
        if (masks != null) {
            Map<String, Tensor> all = new HashMap<>(masks);
            all.put(ROWS, Tensors.zerosLike(fresh.detach(), fresh.shape()).add_(Tensors.scalar(1)));
            transforms = List.of(new ElementMask(all));
        }
        return new ChainOptimizer(
                p,
                transforms,
                new Adam(p, 0.9, 0.999, 1e-8),
                List.of(
                        new ParamGroup(m -> m.name().equals(ROWS), t.rate(), Constant.ONE, 0, Decay.NONE),
                        ParamGroup.all(t.rate() * t.encoderRate(), Constant.ONE, 0, Decay.NONE)));
    }

    private static int[] concat(int[] a, int[] b) {
        int[] all = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, all, a.length, b.length);
        return all;
    }
}
