package dev.holdfast.diagnose.neurons;

import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;

/**
 * Takes neurons of one hidden layer out, one after the other, and says what the outputs are after each: with hidden outputs h
 * [n, N] and output weights W [C, N], the outputs lose {@code h_k w_k'} for every neuron k, so a curve over all neurons costs
 * as much as one evaluation. Pure functions; safe from any thread.
 *
 * <p>Doshi et al.: <i>To grok or not to grok</i>, arXiv 2310.13061, section 3.2.
 */
public final class NeuronPruner {
    /** Scores that differ by less are equal. */
    private static final double TIE = 1e-9;

    private NeuronPruner() {}

    /** Neurons by score, lowest first, equal ones by number. */
    public static int[] order(double[] scores) {
        return IntStream.range(0, scores.length)
                .boxed()
                .sorted(Comparator.comparingLong((Integer k) -> Math.round(scores[k] / TIE)))
                .mapToInt(Integer::intValue)
                .toArray();
    }

    /** Neurons by score, highest first, equal ones by number. */
    public static int[] reversed(double[] scores) {
        return order(Arrays.stream(scores).map(s -> -s).toArray());
    }

    /**
     * A number of the outputs after the first q neurons of an order are taken out, for q = 0, 1, ..., as far as asked.
     *
     * @param hidden [n, N]
     * @param outputWeights [C, N]
     * @param most how many neurons are taken out at most
     * @param every how many at a time
     * @param of the number, for example an accuracy of outputs [n, C]
     * @return for 0, every, 2 every, ... neurons
     */
    public static double[] curve(
            Tensor hidden, Tensor outputWeights, int[] order, int most, int every, ToDoubleFunction<Tensor> of) {
        if (most < 0 || most > order.length || every < 1) {
            throw new IllegalArgumentException(
                    "Of " + order.length + " neurons, " + most + " cannot be taken out, " + every + " at a time.");
        }
        double[] curve = new double[most / every + 1];
        try (Scope s = Scope.open()) {
            Tensor h = hidden.detach();
            Tensor w = outputWeights.detach();
            Tensor outputs = h.matmul(w.t());
            curve[0] = of.applyAsDouble(outputs);
            for (int i = 1; i < curve.length; i++) {
                try (Scope step = Scope.open()) {
                    Tensor at = Tensors.ids(Arrays.copyOfRange(order, (i - 1) * every, i * every));
                    outputs.sub_(
                            h.index_select(1, at).matmul(w.index_select(1, at).t()));
                    curve[i] = of.applyAsDouble(outputs);
                }
            }
        }
        return curve;
    }

    /** Sets columns of output weights [C, N] and rows of input weights [N, ...] to 0: these neurons are gone. */
    public static void silence(Tensor inputWeights, Tensor outputWeights, int... neurons) {
        try (Scope s = Scope.open()) {
            Tensor at = Tensors.ids(neurons);
            inputWeights.detach().index_fill_(0, at, Tensors.scalar(0));
            outputWeights.detach().index_fill_(1, at, Tensors.scalar(0));
        }
    }

    /** The number of neurons with the best value of a curve on held-out rows; of equally good ones the largest. */
    public static int best(double[] curve, int every) {
        int best = 0;
        for (int i = 1; i < curve.length; i++) {
            best = curve[i] >= curve[best] ? i : best;
        }
        return best * every;
    }

    /**
     * Where scores fall into two heaps: the cut between two of the sorted scores that leaves the least variance inside the
     * heaps (Otsu 1979). Neurons below it are to be taken out.
     *
     * @return how many scores lie below the cut; 0 if all scores are equal
     */
    public static int valley(double[] scores) {
        double[] sorted = Arrays.stream(scores).sorted().toArray();
        int n = sorted.length;
        if (n < 2 || sorted[n - 1] - sorted[0] < TIE) {
            return 0;
        }
        double total = Arrays.stream(sorted).sum();
        double below = 0;
        double best = -1;
        int cut = 0;
        for (int k = 1; k < n; k++) {
            below += sorted[k - 1];
            double apart = below / k - (total - below) / (n - k);
            double between = apart * apart * k * (n - k);
            if (between > best && sorted[k] - sorted[k - 1] > TIE) {
                best = between;
                cut = k;
            }
        }
        return cut;
    }

    /** Share of rows whose largest output is at their label. */
    public static double accuracy(Tensor outputs, List<Integer> rows, int[] label) {
        if (rows.isEmpty()) {
            return Double.NaN;
        }
        int[] said = Tensors.ints(outputs.argmax(new LongOptional(1), false));
        return rows.stream().filter(i -> said[i] == label[i]).count() / (double) rows.size();
    }
}
