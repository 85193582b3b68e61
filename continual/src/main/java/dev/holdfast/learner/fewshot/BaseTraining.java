package dev.holdfast.learner.fewshot;

import dev.holdfast.data.Batch;
import dev.holdfast.data.DataSource;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.augment.CropAndFlip;
import dev.holdfast.data.augment.LabelViews;
import dev.holdfast.learner.Net;
import dev.holdfast.loss.DotRegression;
import dev.holdfast.loss.SupervisedContrastive;
import dev.holdfast.nn.Pass;
import dev.holdfast.optim.Step;
import dev.holdfast.run.StepReport;
import dev.holdfast.run.Term;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/** How the base is trained: tricks 7, then 1, 2, 3 and 8 in one loss. */
final class BaseTraining {
    private final BagConfig config;
    private final Net net;
    private final boolean images;

    BaseTraining(BagConfig config, Net net, boolean images) {
        this.config = config;
        this.net = net;
        this.images = images;
    }

    private BagModel model() {
        return (BagModel) net.model();
    }

    /** Trick 7: the two views of a row belong together, all others apart; the projection is not used again. */
    void pretrain(DataSource rows, int baseEpochs) {
        BagConfig.Pretraining p = config.pretraining();
        int epochs = p.epochs() > 0 ? p.epochs() : 2 * baseEpochs;
        try (Loader batches = rows.batches(Pace.shuffled(epochs, p.batchSize()), net.draws("pretraining"))) {
            while (batches.hasNext()) {
                try (Scope s = Scope.open()) {
                    Batch b = batches.next();
                    if (b.size() < 2) {
                        continue;
                    }
                    Pass pass = net.pass();
                    Tensor two = Tensors.cat(0, view(b, net.draws("view 1")), view(b, net.draws("view 2")));
                    Tensor z = model().instances(model().features(two, pass), pass);
                    net.descend(SupervisedContrastive.batch(z, twice(numbers(b.size())), p.temperature()));
                }
            }
        }
        net.restart();
    }

    /**
     * One step: {@code L = CE + lam_sc L_sup + lam_rot L_rot}, all from one forward pass.
     *
     * @param prototypes of trick 2 [rows, D], or null
     * @param keys of the queue form of trick 1, or null
     */
    StepReport step(Batch b, Tensor prototypes, KeyQueue keys) {
        Pass pass = net.pass();
        LabelViews views = model().views();
        int[] y = net.columns().columnsOf(b.classIds());
        int n = y.length;
        Tensor shown = shown(b, net.draws("view 1"));
        List<Tensor> rows = new ArrayList<>(List.of(views.all(shown)));
        boolean contrasts = config.contrast().weight() > 0;
        // vectors are classified as they are, but contrasted as noisy ones
        Tensor first = contrasts && !images ? view(b, net.draws("view 1")) : null;
        Tensor second = contrasts ? view(b, net.draws("view 2")) : null;
        int at = n * views.count();
        int firstAt = first == null ? 0 : add(rows, first, at);
        at += first == null ? 0 : n;
        int secondAt = second == null || keys != null ? -1 : add(rows, second, at);
        at += secondAt < 0 ? 0 : n;
        boolean turns = images && config.rotation() > 0;
        boolean turnedAlready = views == LabelViews.QUARTER_TURNS;
        int turnedAt = at;
        if (turns && !turnedAlready) {
            for (int k = 1; k < 4; k++) {
                rows.add(LabelViews.QUARTER_TURNS.apply(shown, k));
            }
        }
        Tensor f = model().features(rows.size() == 1 ? rows.get(0) : Tensors.cat(0, rows.toArray(new Tensor[0])), pass);

        Tensor loss =
                classification(Tensors.slice(f, 0, (long) n * views.count()), b, views.labels(y), prototypes, pass);
        List<Term> terms = new ArrayList<>(List.of(new Term("classes", loss.item_double())));
        Tensor key = null;
        if (contrasts) {
            Tensor z = model().contrasted(Tensors.slice(f, firstAt, firstAt + n), pass);
            Tensor l;
            if (keys == null) {
                Tensor other = model().contrasted(Tensors.slice(f, secondAt, secondAt + n), pass);
                l = SupervisedContrastive.batch(
                        Tensors.cat(0, z, other), twice(y), config.contrast().temperature());
            } else {
                key = keys.of(second, net.peek());
                Tensor logits = SupervisedContrastive.logits(
                        z, key, keys.keys(), config.contrast().temperature());
                l = SupervisedContrastive.queue(logits, SupervisedContrastive.positives(y, keys.labels(), logits));
            }
            terms.add(new Term("contrast", l.item_double()));
            loss = loss.add(l.mul(Tensors.scalar(config.contrast().weight())));
        }
        if (turns) {
            Tensor turned = turnedAlready
                    ? f.narrow(0, 0, 4L * n)
                    : Tensors.cat(0, Tensors.slice(f, 0, n), Tensors.slice(f, turnedAt, turnedAt + 3L * n));
            int[] by = IntStream.range(0, 4 * n).map(i -> i / n).toArray();
            Tensor l = crossEntropy(model().turns(turned, pass), by).mean();
            terms.add(new Term("rotation", l.item_double()));
            loss = loss.add(l.mul(Tensors.scalar(config.rotation())));
        }
        Step step = net.descend(loss);
        if (keys != null && !step.skipped()) {
            keys.update(model(), step, key, y);
        }
        StepReport r = net.report(loss, f.size(0), step);
        return new StepReport(r.loss(), r.rows(), terms, r.events());
    }

    private static int add(List<Tensor> rows, Tensor x, int at) {
        rows.add(x);
        return at;
    }

    /** Over the weights of the head, or towards fixed prototypes. */
    private Tensor classification(Tensor f, Batch b, int[] joint, Tensor prototypes, Pass pass) {
        if (prototypes == null && model().views() == LabelViews.NONE) {
            return net.crossEntropy(model().head().joint(f, pass), b);
        }
        if (config.assigned().use() == BagConfig.Assigned.Use.DOT_REGRESSION) {
            return DotRegression.value(f, prototypes, joint, config.assigned().lengthCorrection())
                    .mul(Tensors.scalar(config.assigned().weight()));
        }
        Tensor logits = prototypes == null
                ? model().head().joint(f, pass)
                : model().head().logits(f, prototypes.to(f.scalar_type()));
        Tensor each = crossEntropy(logits, joint);
        Tensor weights = b.rows().weights();
        if (weights == null) {
            return each.mean();
        }
        Tensor w = weights.to(each.scalar_type()).repeat(model().views().count());
        return each.mul(w).sum().div(Tensors.scalar(joint.length));
    }

    /** Cross entropy of every row. */
    static Tensor crossEntropy(Tensor logits, int[] label) {
        return logits.log_softmax(1)
                .gather(1, Tensors.ids(label).unsqueeze(1))
                .squeeze(1)
                .neg();
    }

    /** A row as it is classified in training: images moved a little, other rows as they are. */
    private Tensor shown(Batch b, Rng rng) {
        BagConfig.Augmentation a = config.augment();
        boolean moves = images && (a.shift() > 0 || a.flip());
        return (moves ? new CropAndFlip(a.shift(), a.flip()).apply(b, rng) : b)
                .inputs()
                .x();
    }

    /** A view for contrastive losses: images moved a little, other rows with noise and a little of another row. */
    private Tensor view(Batch b, Rng rng) {
        if (images) {
            return shown(b, rng);
        }
        BagConfig.Augmentation a = config.augment();
        Tensor x = b.inputs().x();
        int n = b.size();
        if (a.mixup() > 0 && n > 1) {
            Tensor share = rng.child("share").uniform(n, 1).to(x.scalar_type()).mul_(Tensors.scalar(a.mixup()));
            Tensor other = Tensors.rows(x, rng.child("partner").permutation(n));
            long[] each = new long[(int) x.dim()];
            Arrays.fill(each, 1);
            each[0] = n;
            x = x.add(other.sub(x).mul(share.reshape(each)));
        }
        return a.noise() == 0
                ? x
                : x.add(rng.child("noise").normal(x.shape()).to(x.scalar_type()), Tensors.scalar(a.noise()));
    }

    private static int[] numbers(int n) {
        return IntStream.range(0, n).toArray();
    }

    private static int[] twice(int[] y) {
        return IntStream.concat(Arrays.stream(y), Arrays.stream(y)).toArray();
    }
}
