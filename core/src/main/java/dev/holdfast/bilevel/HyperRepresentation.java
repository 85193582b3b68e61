package dev.holdfast.bilevel;

import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Hyper-representation: x = an encoder that tasks share, y = one linear head a task, trained with ridge on the task's few
 * support rows; f = the loss of the heads on query rows. What comes out is a representation on which heads learn new tasks
 * from few rows. Recurrent encoders make f steep in places, which is what {@link BoRep} is for.
 *
 * <p>Franceschi et al., arXiv 1806.04910; the task of arXiv 2401.09587. A batch holds numbers of tasks, each with all its
 * rows.
 */
public final class HyperRepresentation implements BilevelProblem<int[]> {
    private final Parameters encoder;
    private final UnaryOperator<Tensor> features;
    private final Tasks tasks;
    private final Parameters heads;
    private final int batch;
    private final double ridge;

    /**
     * Rows of K tasks, as many each.
     *
     * @param support [K, n, ...] what heads are trained on
     * @param supportLabels int64 [K, n], columns 0 .. classes - 1
     * @param query [K, m, ...] what they are judged by
     * @param queryLabels int64 [K, m]
     */
    public record Tasks(Tensor support, Tensor supportLabels, Tensor query, Tensor queryLabels, int classes) {
        public Tasks {
            Tensors.requireShape("support labels", supportLabels, support.size(0), support.size(1));
            Tensors.requireShape("query labels", queryLabels, support.size(0), query.size(1));
            if (query.size(0) != support.size(0) || classes < 2) {
                throw new IllegalArgumentException("Tasks need as many query as support sets and two classes but have "
                        + query.size(0) + ", " + support.size(0) + " and " + classes + ".");
            }
        }

        int count() {
            return Math.toIntExact(support.size(0));
        }
    }

    /**
     * Heads start at 0.
     *
     * @param encoder leaves that {@code features} reads
     * @param features rows [r, ...] to features [r, width], with a graph
     * @param tasks must outlive the problem
     * @param batch tasks of a batch, drawn with replacement
     * @param ridge of every head, > 0
     */
    public HyperRepresentation(
            Parameters encoder, UnaryOperator<Tensor> features, int width, Tasks tasks, int batch, double ridge) {
        if (encoder.count() == 0 || width < 1 || batch < 1 || !(ridge > 0) || Double.isInfinite(ridge)) {
            throw new IllegalArgumentException("A representation for heads needs an encoder, width >= 1, a batch of at"
                    + " least one task and a finite ridge > 0 but has " + encoder.count() + " numbers, " + width + ", "
                    + batch + " and " + ridge + ".");
        }
        this.encoder = encoder;
        this.features = features;
        this.tasks = tasks;
        try (Scope s = Scope.open()) {
            this.heads = Problems.leaf(
                    "heads", Tensors.zerosLike(encoder.get(0), tasks.count(), tasks.classes(), width + 1));
        }
        this.batch = batch;
        this.ridge = ridge;
    }

    /** The same encoder, live, before other tasks, with new heads. */
    public HyperRepresentation on(Tasks others) {
        return new HyperRepresentation(
                encoder, features, Math.toIntExact(heads.get(0).size(2)) - 1, others, batch, ridge);
    }

    @Override
    public Parameters upper() {
        return encoder;
    }

    @Override
    public Parameters lower() {
        return heads;
    }

    @Override
    public Tensor lowerLoss(int[] of) {
        Tensor at = Tensors.ids(of);
        Tensor head = heads.get(0).index_select(0, at);
        return loss(tasks.support(), tasks.supportLabels(), at, head)
                .add(head.mul(head).sum(), Tensors.scalar(0.5 * ridge / of.length));
    }

    @Override
    public Tensor upperLoss(int[] of) {
        Tensor at = Tensors.ids(of);
        return loss(tasks.query(), tasks.queryLabels(), at, heads.get(0).index_select(0, at));
    }

    private Tensor loss(Tensor rows, Tensor labels, Tensor at, Tensor head) {
        return Problems.crossEntropies(
                        logits(rows.index_select(0, at), head).flatten(0, 1),
                        labels.index_select(0, at).reshape(-1))
                .mean();
    }

    /** Logits [k, n, C] of rows [k, n, ...] by heads [k, C, width + 1]. */
    private Tensor logits(Tensor rows, Tensor head) {
        Tensor f = features.apply(rows.flatten(0, 1));
        f = f.view(rows.size(0), rows.size(1), f.size(1));
        Tensor ones = Tensors.zerosLike(f, f.size(0), f.size(1), 1).add_(Tensors.scalar(1));
        return Tensors.cat(2, f, ones).matmul(head.transpose(1, 2));
    }

    @Override
    public int[] lowerBatch(Rng rng) {
        return Problems.rows(batch, rng, tasks.count());
    }

    @Override
    public int[] upperBatch(Rng rng) {
        return Problems.rows(batch, rng, tasks.count());
    }

    /** Share of the query rows of all tasks that the heads name right. */
    public double accuracy() {
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            Tensor named = logits(tasks.query(), heads.get(0)).argmax(new LongOptional(-1), false);
            return Tensors.item(
                    named.eq(tasks.queryLabels()).to(ScalarType.Double).mean());
        }
    }
}
