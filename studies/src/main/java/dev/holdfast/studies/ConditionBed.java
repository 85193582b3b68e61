package dev.holdfast.studies;

import dev.holdfast.data.Dataset;
import dev.holdfast.data.augment.ImageOps;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.layer.Activation;
import dev.holdfast.nn.layer.Conv;
import dev.holdfast.nn.layer.Fresh;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.layer.InputShape;
import dev.holdfast.nn.layer.Linear;
import dev.holdfast.nn.layer.Pooling;
import dev.holdfast.nn.layer.Sequence;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Data, a main network, and what the condition of a hypernetwork does to them. */
abstract class ConditionBed {
    /** Rows in a batch. */
    static final int BATCH = 64;

    private final String name;
    final Tensor train;
    final Tensor test;
    final long[] trainIds;
    final long[] testIds;

    ConditionBed(String name, DataPair data, int trainRows, int testRows, boolean halved) {
        this(
                name,
                images(data.train(), trainRows, halved),
                images(data.test(), testRows, halved),
                firsts(data.train(), trainRows),
                firsts(data.test(), testRows));
    }

    ConditionBed(String name, Tensor train, Tensor test, long[] trainIds, long[] testIds) {
        this.name = name;
        this.train = train;
        this.test = test;
        this.trainIds = trainIds;
        this.testIds = testIds;
    }

    String name() {
        return name;
    }

    private static long[] firsts(Dataset d, int rows) {
        long[] ids = d.classIds();
        return java.util.Arrays.copyOf(ids, Math.min(rows, ids.length));
    }

    private static Tensor images(Dataset d, int rows, boolean halved) {
        try (Scope s = Scope.open()) {
            Tensor x = d.rows(IntStream.range(0, (int) Math.min(rows, d.size())).toArray())
                    .inputs()
                    .x()
                    .to(ScalarType.Float);
            return s.keep(halved ? Pooling.AVERAGE_2.forward(x, Pass.eval()) : x);
        }
    }

    int[] rows(Rng rng, int step) {
        Rng r = rng.child("batch", step);
        return IntStream.range(0, BATCH).map(i -> r.below(trainIds.length)).toArray();
    }

    abstract Layer net(Rng rng);

    /** Scores of images under the condition; {@code gamma} has one entry, or one a row. */
    abstract Tensor scores(Layer net, Tensor images, double[] gamma, Pass pass);

    Tensor loss(Layer net, int[] at, double[] gamma, Pass pass) {
        Tensor y = Tensors.of(IntStream.of(at).mapToLong(i -> trainIds[i]).toArray(), at.length);
        return torch.cross_entropy_loss(scores(net, Tensors.rows(train, at), gamma, pass), y);
    }

    double accuracy(Layer net, double gamma, MagnitudeInvariance.Form form) {
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            Pass pass = Pass.eval().withCondition(form.condition(gamma));
            Tensor said = scores(net, test, new double[] {gamma}, pass)
                    .argmax(new org.bytedeco.pytorch.LongOptional(1), false);
            return 100
                    * said.eq(Tensors.of(testIds, testIds.length))
                            .to(ScalarType.Double)
                            .mean()
                            .item_double();
        }
    }

    /** To mean 0 and variance 1 by the numbers of the training images. */
    Tensor standard(Tensor x) {
        try (Scope s = Scope.open()) {
            double mean = train.mean().item_double();
            double deviation = train.std().item_double();
            return s.keep(x.sub(Tensors.scalar(mean)).div(Tensors.scalar(deviation)));
        }
    }

    static Fresh fresh(Rng rng) {
        return new Fresh(rng, ScalarType.Float, Init.KAIMING_NORMAL);
    }

    static Layer mlp(Rng rng) {
        return new Sequence(
                "net",
                new InputShape(List.of(196L)),
                new Linear("fc", 196, 32, true, fresh(rng)),
                Activation.RELU,
                new Linear("head", 32, 10, true, fresh(rng)));
    }

    /** The condition turns the images by gamma times 180 degrees. */
    static final class Turned extends ConditionBed {
        Turned(String name, DataPair data) {
            super(name, data, 20_000, 2_000, true);
        }

        private Turned(String name, Turned of) {
            super(name, of.train, of.test, of.trainIds, of.testIds);
        }

        Turned named(String newName) {
            return new Turned(newName, this);
        }

        @Override
        Layer net(Rng rng) {
            return mlp(rng);
        }

        @Override
        Tensor scores(Layer net, Tensor images, double[] gamma, Pass pass) {
            Tensor turned;
            if (gamma.length == 1) {
                turned = ImageOps.rotate(images, 180 * gamma[0]);
            } else {
                Tensor[] each = IntStream.range(0, gamma.length)
                        .mapToObj(i -> ImageOps.rotate(Tensors.rows(images, i), 180 * gamma[i]))
                        .toArray(Tensor[]::new);
                turned = Tensors.cat(0, each);
            }
            return net.forward(standard(turned), pass);
        }
    }

    /** The condition shrinks the feature maps between two convolutions to 1/4 ... 1 of their side. */
    static final class Shrunk extends ConditionBed {
        Shrunk(String name, DataPair data) {
            super(name, data, 20_000, 2_000, false);
        }

        @Override
        Layer net(Rng rng) {
            return new Sequence(
                    "net",
                    new Conv("conv.0", 1, 8, Conv.Kernel.same(3, 1), true, fresh(rng)),
                    new Conv("conv.1", 8, 16, Conv.Kernel.same(3, 1), true, fresh(rng)),
                    new Linear("head", 16, 10, true, fresh(rng)));
        }

        @Override
        Tensor scores(Layer net, Tensor images, double[] gamma, Pass pass) {
            List<Layer> layers = ((Sequence) net).layers();
            Tensor x = Pooling.AVERAGE_2.forward(
                    layers.get(0).forward(standard(images), pass).relu(), pass);
            long side = Math.round(x.size(2) * (0.25 + 0.75 * gamma[0]));
            x = torch.upsample_bilinear2d(
                    x,
                    new long[] {side, side},
                    false,
                    new org.bytedeco.pytorch.DoubleOptional(),
                    new org.bytedeco.pytorch.DoubleOptional());
            x = layers.get(1).forward(x, pass).relu();
            return layers.get(2).forward(Pooling.GLOBAL_AVERAGE.forward(x, pass), pass);
        }
    }

    /** The condition is the strength of weight decay, 1e-5 ... 1e-1 on a logarithmic scale, on 1,000 images. */
    static final class Decayed extends ConditionBed {
        Decayed(String name, DataPair data) {
            super(name, data, 1_000, 2_000, true);
        }

        static double strength(double gamma) {
            return Math.pow(10, -5 + 4 * gamma);
        }

        @Override
        Layer net(Rng rng) {
            return mlp(rng);
        }

        @Override
        Tensor scores(Layer net, Tensor images, double[] gamma, Pass pass) {
            return net.forward(standard(images), pass);
        }

        @Override
        Tensor loss(Layer net, int[] at, double[] gamma, Pass pass) {
            Tensor fit = super.loss(net, at, gamma, pass);
            Tensor[] squares = Inventory.of(net).sites().stream()
                    .map(s -> s.weight(pass).square().sum())
                    .toArray(Tensor[]::new);
            Tensor size = squares[0];
            for (int i = 1; i < squares.length; i++) {
                size = size.add(squares[i]);
            }
            return fit.add(size, Tensors.scalar(strength(gamma[0]) / 2));
        }
    }
}
