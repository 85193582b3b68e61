package dev.holdfast.learner.multilabel;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.ManyNets;
import dev.holdfast.learner.Net;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.multilabel.HeadTailBalance;
import dev.holdfast.loss.multilabel.LabelCorrector;
import dev.holdfast.loss.multilabel.LabelCorrector.Recall;
import dev.holdfast.loss.multilabel.LabelCounts;
import dev.holdfast.loss.multilabel.MultiFocal;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.balance.AttendingModel;
import dev.holdfast.nn.balance.GroupedCosineHead;
import dev.holdfast.optim.Step;
import dev.holdfast.run.StepReport;
import dev.holdfast.run.Term;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Snapshot;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * COMIC, for label sets of which many labels are missing and most are rare: three networks learn side by side, one that leans
 * to frequent labels, one that leans to rare ones, and a balanced one that looks at the features of both, agrees with both, and
 * predicts.
 *
 * <pre>
 * head, tail:  MF(z) + 0.2 RLC(z~)                                    z~ biased logits, of cosines
 * balanced:    MF(z) + 0.2 RLC(z) + HTB(z~head, z~tail, z)            z of f + attention(f; fhead, ftail)
 * </pre>
 *
 * <p>MF is {@link MultiFocal}, RLC {@link LabelCorrector}, HTB {@link HeadTailBalance}. With {@code variant=RELEASED} the
 * three networks see rows as they come, by reverse class frequency, and by class, there is no HTB, and features are fused in
 * prediction only, a tenth as much. Instead of drawing rows again, which would need a stored data set, rows weigh as often as
 * they would be drawn: the same expected loss.
 *
 * <p>An entry that is not {@link Target.MultiLabel#known} is an absent label here: all absent labels may be missing ones. Labels
 * are counted in the first pass over a part of the stream; the corrector is at work from the second one on. {@link #missing}
 * lists the labels that it recalled.
 *
 * <p>Zhang et al.: <i>Learning in Imperfect Environment: Multi-Label Classification with Long-Tailed Distribution and Partial
 * Labels</i>, arXiv 2304.10539. One thread learns, any number may predict meanwhile.
 */
public final class Comic implements Learner {
    private static final int BALANCED = 0;
    private static final int HEAD = 1;
    private static final int TAIL = 2;

    private final ComicConfig config;
    private final ManyNets nets;
    private final LabelCounts counts;
    private final MultiFocal focal;
    private final List<LabelCorrector> correctors = new ArrayList<>();

    public Comic(ComicConfig config, Schema schema, Rng rng) {
        if (schema.target() != Target.MultiLabel.class) {
            throw new IllegalArgumentException("COMIC learns sets of labels, but the target of these rows is "
                    + schema.target().getSimpleName()
                    + ".\nMaybe a learner of one class a row fits, such as finetune.");
        }
        this.config = config;
        this.nets = new ManyNets(config.balance() ? 3 : 1, i -> net(i, schema, rng.child("net", i)));
        this.counts = new LabelCounts(schema.classes().size());
        this.focal = new MultiFocal(config.effectiveFocal(), counts);
        for (int i = 0; i < nets.size(); i++) {
            correctors.add(new LabelCorrector(
                    config.effectiveCorrector(), counts, schema.classes().size()));
        }
    }

    private Net net(int i, Schema schema, Rng rng) {
        return new Net(
                config.net(),
                schema,
                rng,
                config.cosine(),
                m -> i == BALANCED && config.balance()
                        ? AttendingModel.around(
                                m,
                                ((GroupedCosineHead) m.head()).direction().size(0),
                                config.dropout(),
                                rng.child("attention"))
                        : m,
                meta -> meta.role() == ParamMeta.Role.HEAD ? config.headRate() : 1);
    }

    @Override
    public Capabilities capabilities() {
        return Capabilities.of(Trait.MULTI_LABEL);
    }

    @Override
    public StepReport learn(Batch b) {
        nets.admit(b);
        Tensor y = labels(b);
        if (b.rows().epoch() == 0) {
            counts.add(y);
        }
        Tensor[] f = new Tensor[nets.size()];
        for (int i = 0; i < f.length; i++) {
            f[i] = nets.get(i).model().features(b.inputs(), nets.get(i).pass());
            if (Tensors.finite(f[i])) {
                Tensor features = f[i];
                GroupedCosineHead head = head(i);
                nets.change(() -> {
                    head.follow(features);
                    return null;
                });
            }
        }
        Tensor[] totals = new Tensor[f.length];
        Tensor towardsHead = null;
        Tensor towardsTail = null;
        if (config.balance()) {
            towardsHead = head(HEAD)
                    .biased(f[HEAD], GroupedCosineHead.HEAD, nets.get(HEAD).pass());
            towardsTail = head(TAIL)
                    .biased(f[TAIL], GroupedCosineHead.TAIL, nets.get(TAIL).pass());
            totals[HEAD] = own(HEAD, logits(HEAD, f[HEAD]), towardsHead, b, y, null);
            totals[TAIL] = own(TAIL, logits(TAIL, f[TAIL]), towardsTail, b, y, null);
        }
        List<Term> parts = new ArrayList<>();
        Tensor fused = config.fusesInTraining() ? fused(f, nets.get(BALANCED).pass(), 1) : f[BALANCED];
        Tensor z = logits(BALANCED, fused);
        totals[BALANCED] = own(BALANCED, z, z, b, y, parts);
        if (config.agrees()) {
            HeadTailBalance agreement =
                    HeadTailBalance.of(config.effectiveFocal(), towardsHead, towardsTail, z, y, counts, config.alpha());
            totals[BALANCED] = totals[BALANCED].add(agreement.total());
            parts.add(new Term("head-tail-balance", Tensors.item(agreement.total())));
        }
        Step step = nets.change(() -> {
            Step taken = null;
            for (int i = totals.length - 1; i >= 0; i--) {
                taken = nets.get(i).descend(totals[i]);
            }
            return taken;
        });
        StepReport r = nets.get(BALANCED).report(totals[BALANCED], b.size(), step);
        return new StepReport(r.loss(), r.rows(), parts, r.events());
    }

    /** Multi-focal loss and what the corrector adds, with the rows weighing as the network's sampling asks for. */
    private Tensor own(int i, Tensor z, Tensor forCorrector, Batch b, Tensor y, List<Term> parts) {
        Tensor weights = weights(i, b, y);
        LossInput in = input(i, z, b, y);
        double twice = config.variant() == ComicConfig.Variant.RELEASED && config.balance() ? 4.0 / 3 : 1;
        Tensor modified = focal.value(in).total(weights);
        Tensor total = modified.mul(Tensors.scalar(twice));
        LabelCorrector corrector = correctors.get(i);
        Tensor correction = null;
        if (config.correct() && corrector.active(b.rows().epoch()) && Tensors.finite(forCorrector)) {
            LossInput corrected = input(i, forCorrector, b, y);
            corrector.observe(corrected);
            correction = corrector.value(corrected).total(weights);
            total = total.add(correction, Tensors.scalar(config.correction()));
        }
        if (parts != null) {
            parts.add(new Term("multi-focal", Tensors.item(modified)));
            if (correction != null) {
                parts.add(new Term("label-corrector", Tensors.item(correction)));
            }
        }
        return total;
    }

    private LossInput input(int i, Tensor z, Batch b, Tensor y) {
        return new LossInput(
                z, new Target.MultiLabel(y, null), b.rows(), nets.get(i).columns());
    }

    /** How much more often than once a row would be drawn: as it comes, by reverse frequency, or by class. */
    private Tensor weights(int i, Batch b, Tensor y) {
        Tensor given = b.rows().weights();
        if (config.variant() == ComicConfig.Variant.PAPER || !config.balance() || i == HEAD) {
            return given;
        }
        double[] n = counts.counts();
        double sum = 0;
        for (int c = 0; c < n.length; c++) {
            n[c] = Math.max(1, n[c]);
            sum += 1 / n[c];
        }
        double[] perLabel = new double[n.length];
        for (int c = 0; c < n.length; c++) {
            double chance = i == TAIL ? 1 / n[c] / sum : 1.0 / n.length;
            perLabel[c] = chance / n[c] * counts.rows();
        }
        Tensor w = y.matmul(Tensors.of(perLabel, perLabel.length).to(y.scalar_type()));
        return given == null ? w : w.mul(given.to(w.scalar_type()));
    }

    private static Tensor labels(Batch b) {
        Target.MultiLabel m = (Target.MultiLabel) b.target();
        Tensor y = m.y().to(org.bytedeco.pytorch.global.torch.ScalarType.Float);
        return m.known() == null ? y : y.mul(m.known().to(y.scalar_type()));
    }

    private GroupedCosineHead head(int i) {
        return (GroupedCosineHead) nets.get(i).model().head();
    }

    private Tensor logits(int i, Tensor f) {
        return head(i).forward(f, nets.get(i).pass());
    }

    /** The balanced features with so much of what attention takes from those of the others, which get no gradient. */
    private Tensor fused(Tensor[] f, Pass pass, double share) {
        Tensor keys =
                Tensors.cat(1, f[HEAD].detach().unsqueeze(1), f[TAIL].detach().unsqueeze(1));
        AttendingModel balanced = (AttendingModel) nets.get(BALANCED).model();
        return f[BALANCED].add(balanced.attend(f[BALANCED], keys, pass), Tensors.scalar(share));
    }

    @Override
    public Prediction predict(Inputs x) {
        nets.get(BALANCED).requireFits(x);
        return nets.predict(x, List.of(BALANCED), who -> {
            try (var mode = Autograd.noGrad()) {
                Pass pass = Pass.eval();
                Tensor[] f = new Tensor[nets.size()];
                for (int i = 0; i < f.length; i++) {
                    f[i] = nets.get(i).model().features(x, pass);
                }
                Tensor of = config.balance() ? fused(f, Pass.eval(), config.fusion()) : f[BALANCED];
                return head(BALANCED).forward(of, Pass.eval());
            }
        });
    }

    /** Labels that seem to be missing, by class id of the schema, most often recalled first. */
    public List<Recall> missing() {
        return correctors.get(BALANCED).recalls().stream()
                .map(r -> new Recall(
                        r.id(), nets.columns().columns().get(r.classId()).classId(), r.hits()))
                .toList();
    }

    /** The networks, the balanced one first; others may look, only the learner moves them. */
    public ManyNets nets() {
        return nets;
    }

    @Override
    public Footprint footprint() {
        long more = 0;
        for (Map.Entry<String, Stateful> part : parts().entrySet()) {
            if (part.getValue() != nets) {
                for (Tensor t : part.getValue().state().tensors().values()) {
                    more += t.nbytes();
                }
            }
        }
        return nets.footprint(more);
    }

    private Map<String, Stateful> parts() {
        Map<String, Stateful> parts = new LinkedHashMap<>();
        parts.put("nets", nets);
        parts.put("counts", counts);
        for (int i = 0; i < correctors.size(); i++) {
            parts.put("corrector" + i, correctors.get(i));
        }
        return parts;
    }

    @Override
    public State state() {
        State s = new State();
        parts().forEach(s::put);
        return s;
    }

    @Override
    public void load(State saved) {
        nets.change(() -> {
            Snapshot.loadAll(saved, parts());
            return null;
        });
    }
}
