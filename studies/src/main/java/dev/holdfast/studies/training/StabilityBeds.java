package dev.holdfast.studies.training;

import dev.holdfast.diagnose.stability.LinearisedSgd;
import dev.holdfast.nn.small.DiagonalLinear;
import dev.holdfast.nn.small.TwoLayerRelu;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Runs of two small networks to their minima, all rates and seeds as one tensor. */
final class StabilityBeds {
    /** Steps between two looks at the losses. */
    private static final int LOOK = 500;

    private StabilityBeds() {}

    /**
     * Where a run ended.
     *
     * @param converged whether it fits every row
     * @param norm l1 norm of the predictor, or path norm
     */
    record Ended(double rate, boolean converged, double trace, double largest, double norm, double testError) {
        double traceShare() {
            return trace * rate / 2;
        }

        double edgeShare() {
            return largest * rate / 2;
        }
    }

    private static Tensor normal(Rng rng, long... shape) {
        return rng.normal(ScalarType.Double, shape);
    }

    private static Tensor runs(List<Tensor> bySeed, int rates) {
        return torch.stack(new TensorVector(bySeed.toArray(new Tensor[0])))
                .repeat_interleave(rates, new LongOptional(0), new LongOptional());
    }

    /** Where the rows of each run begin when those of all runs are one list [runs]. */
    private static Tensor firstRows(int runs, int n) {
        return Tensors.of(LongStream.range(0, runs).map(r -> r * n).toArray(), runs);
    }

    private static Tensor rates(int seeds, double[] rates) {
        return Tensors.of(rates, rates.length).repeat(seeds).unsqueeze(1);
    }

    /** Rows of the next {@code LOOK} steps [steps, runs, batch], a stream of its own for every run. */
    private static Tensor picks(List<Long> seeds, double[] rates, int batch, long from, int n) {
        double[] u = new double[LOOK * seeds.size() * rates.length * batch];
        int at = 0;
        Rng[] streams = new Rng[seeds.size() * rates.length];
        for (int r = 0; r < streams.length; r++) {
            streams[r] = Rng.of(seeds.get(r / rates.length)).child("rows", r % rates.length, from);
        }
        for (int t = 0; t < LOOK; t++) {
            for (Rng s : streams) {
                for (int b = 0; b < batch; b++) {
                    u[at++] = s.below(n);
                }
            }
        }
        return Tensors.of(u, LOOK, streams.length, batch).to(ScalarType.Long);
    }

    /**
     * Diagonal linear networks with 100 inputs of which 5 matter, on 40 rows, to a loss below 1e-12.
     *
     * @param batch rows a step; 0 = all
     * @return by seed and rate
     */
    static Ended[][] diagonal(List<Long> seeds, double[] rates, int batch, int steps, BooleanSupplier cancelled) {
        int d = 100;
        int n = 40;
        int all = seeds.size() * rates.length;
        try (Scope whole = Scope.open()) {
            Tensor truth = Tensors.of(new double[] {1, -1, 1, -1, 1}, 5);
            truth = Tensors.cat(0, truth, Tensors.zeros(ScalarType.Double, d - 5));
            Tensor x = runs(
                    seeds.stream().map(s -> normal(Rng.of(s).child("x"), n, d)).toList(), rates.length);
            Tensor y = x.matmul(truth);
            Tensor a = torch.full_like(Tensors.zeros(ScalarType.Double, all, d), Tensors.scalar(0.3));
            Tensor b = runs(
                            seeds.stream()
                                    .map(s -> normal(Rng.of(s).child("b"), d))
                                    .toList(),
                            rates.length)
                    .mul(Tensors.scalar(0.3));
            Tensor rate = rates(seeds.size(), rates);
            Tensor first = firstRows(all, n);
            for (long from = 0; from < steps && !cancelled.getAsBoolean(); from += LOOK) {
                try (Scope look = Scope.open()) {
                    Tensor picks = batch == 0
                            ? null
                            : picks(seeds, rates, batch, from, n).squeeze(2);
                    for (int t = 0; t < LOOK && from + t < steps; t++) {
                        try (Scope step = Scope.open()) {
                            Tensor w = a.mul(b);
                            Tensor gw;
                            if (batch == 0) {
                                Tensor miss = x.bmm(w.unsqueeze(2)).squeeze(2).sub(y);
                                gw = miss.unsqueeze(1).bmm(x).squeeze(1).div(Tensors.scalar(n));
                            } else {
                                Tensor at = first.add(picks.select(0, t));
                                Tensor row = x.reshape(-1, d).index_select(0, at);
                                Tensor miss =
                                        row.mul(w).sum(1).sub(y.reshape(-1).index_select(0, at));
                                gw = row.mul(miss.unsqueeze(1));
                            }
                            Tensor move = gw.mul(rate);
                            Tensor old = a.clone();
                            a.sub_(move.mul(b));
                            b.sub_(move.mul(old));
                        }
                    }
                    Tensor miss = x.bmm(a.mul(b).unsqueeze(2)).squeeze(2).sub(y);
                    if (over(miss.mul(miss).mean(1).div(Tensors.scalar(2)), 1e-12)) {
                        break;
                    }
                }
            }
            Ended[][] ended = new Ended[seeds.size()][rates.length];
            for (int r = 0; r < all; r++) {
                try (Scope one = Scope.open()) {
                    DiagonalLinear net = new DiagonalLinear(a.select(0, r), b.select(0, r));
                    Tensor w = net.predictor();
                    Tensor miss = x.select(0, r).matmul(w).sub(y.select(0, r));
                    double loss = Tensors.item(miss.mul(miss).mean()) / 2;
                    Tensor off = w.sub(truth);
                    ended[r / rates.length][r % rates.length] = loss < 1e-12
                            ? of(
                                    rates[r % rates.length],
                                    new LinearisedSgd(net.gradients(x.select(0, r))),
                                    Tensors.item(w.abs().sum()),
                                    Tensors.item(off.mul(off).sum()))
                            : left(rates[r % rates.length]);
                }
            }
            return ended;
        }
    }

    /** Two-layer ReLU networks of width 100 that learn a teacher of 4 neurons from 200 rows of 20 numbers. */
    static Ended[][] relu(List<Long> seeds, double[] rates, int batch, int steps, BooleanSupplier cancelled) {
        int d = 20;
        int n = 200;
        int m = 100;
        int all = seeds.size() * rates.length;
        try (Scope whole = Scope.open()) {
            List<TwoLayerRelu> teachers = seeds.stream()
                    .map(s -> new TwoLayerRelu(
                            normal(Rng.of(s).child("teacher a"), 4),
                            normal(Rng.of(s).child("teacher w"), 4, d).div(Tensors.scalar(Math.sqrt(d)))))
                    .toList();
            List<Tensor> rows =
                    seeds.stream().map(s -> normal(Rng.of(s).child("x"), n, d)).toList();
            Tensor x = runs(rows, rates.length);
            Tensor y = runs(
                    IntStream.range(0, seeds.size())
                            .mapToObj(i -> teachers.get(i).outputs(rows.get(i)))
                            .toList(),
                    rates.length);
            Tensor a = runs(
                            seeds.stream()
                                    .map(s -> normal(Rng.of(s).child("a"), m))
                                    .toList(),
                            rates.length)
                    .div(Tensors.scalar(Math.sqrt(m)));
            Tensor w = runs(
                            seeds.stream()
                                    .map(s -> normal(Rng.of(s).child("w"), m, d))
                                    .toList(),
                            rates.length)
                    .div(Tensors.scalar(Math.sqrt(d)));
            Tensor rate = rates(seeds.size(), rates);
            Tensor first = firstRows(all, n).unsqueeze(1);
            for (long from = 0; from < steps && !cancelled.getAsBoolean(); from += LOOK) {
                try (Scope look = Scope.open()) {
                    Tensor picks = batch == 0 ? null : picks(seeds, rates, batch, from, n);
                    for (int t = 0; t < LOOK && from + t < steps; t++) {
                        try (Scope step = Scope.open()) {
                            Tensor xb = x;
                            Tensor yb = y;
                            if (batch > 0) {
                                Tensor at = first.add(picks.select(0, t)).reshape(-1);
                                xb = x.reshape(-1, d).index_select(0, at).reshape(all, batch, d);
                                yb = y.reshape(-1).index_select(0, at).reshape(all, batch);
                            }
                            Tensor z = xb.bmm(w.transpose(1, 2));
                            Tensor h = z.relu();
                            Tensor miss =
                                    h.bmm(a.unsqueeze(2)).squeeze(2).sub(yb).div(Tensors.scalar(xb.size(1)));
                            Tensor ga = miss.unsqueeze(1).bmm(h).squeeze(1);
                            Tensor inner = z.gt(Tensors.scalar(0))
                                    .to(ScalarType.Double)
                                    .mul(miss.unsqueeze(2))
                                    .mul(a.unsqueeze(1));
                            Tensor gw = inner.transpose(1, 2).bmm(xb);
                            a.sub_(ga.mul(rate));
                            w.sub_(gw.mul(rate.unsqueeze(2)));
                        }
                    }
                    if (over(reluLoss(x, y, a, w), FITTED)) {
                        break;
                    }
                }
            }
            double[] losses = Tensors.doubles(reluLoss(x, y, a, w));
            Ended[][] ended = new Ended[seeds.size()][rates.length];
            for (int r = 0; r < all; r++) {
                try (Scope one = Scope.open()) {
                    int s = r / rates.length;
                    TwoLayerRelu net = new TwoLayerRelu(a.select(0, r), w.select(0, r));
                    Tensor fresh = normal(Rng.of(seeds.get(s)).child("test"), 2000, d);
                    Tensor off = net.outputs(fresh).sub(teachers.get(s).outputs(fresh));
                    ended[s][r % rates.length] = losses[r] < FITTED
                            ? of(
                                    rates[r % rates.length],
                                    new LinearisedSgd(net.gradients(x.select(0, r))),
                                    net.pathNorm(),
                                    Tensors.item(off.mul(off).mean()))
                            : left(rates[r % rates.length]);
                }
            }
            return ended;
        }
    }

    /** Half the mean squared error at which a ReLU network counts as fitted: a kinked loss gets small slowly. */
    private static final double FITTED = 1e-6;

    private static Tensor reluLoss(Tensor x, Tensor y, Tensor a, Tensor w) {
        Tensor miss =
                x.bmm(w.transpose(1, 2)).relu().bmm(a.unsqueeze(2)).squeeze(2).sub(y);
        return miss.mul(miss).mean(1).div(Tensors.scalar(2));
    }

    /** Whether every run has arrived or is beyond hope. */
    private static boolean over(Tensor losses, double fitted) {
        for (double l : Tensors.doubles(losses)) {
            if (Double.isFinite(l) && l >= fitted) {
                return false;
            }
        }
        return true;
    }

    private static Ended of(double rate, LinearisedSgd sgd, double norm, double testError) {
        return new Ended(rate, true, sgd.trace(), sgd.largest(), norm, testError);
    }

    private static Ended left(double rate) {
        return new Ended(rate, false, Double.NaN, Double.NaN, Double.NaN, Double.NaN);
    }
}
