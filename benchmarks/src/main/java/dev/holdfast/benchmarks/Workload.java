package dev.holdfast.benchmarks;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.baseline.Finetune;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Tensor;

/** What is timed: a backbone under a linear head of ten classes, on grey images of 28 x 28, 32 of them a batch. */
public enum Workload {
    /** 784-256-256-10, ReLU. */
    MLP(BackboneConfig.Kind.MLP, 256, 256),
    /** Three 3x3 convolutions of 16, 32 and 64 channels, ReLU, pooling. */
    CONVNET(BackboneConfig.Kind.CONVNET),
    /** ViT-tiny: patches of 7 x 7, width 64, four blocks of four heads. */
    VIT(BackboneConfig.Kind.VIT),
    /** Slim ResNet-18 of 20 channels, group norm. */
    RESNET(BackboneConfig.Kind.RESNET);

    /** Rows in a batch. */
    public static final int ROWS = 32;

    /** Classes, all of them in the head from the start. */
    public static final int CLASSES = 10;

    private static final int SIDE = 28;

    private final BackboneConfig backbone;

    Workload(BackboneConfig.Kind kind, Integer... widths) {
        this.backbone = new BackboneConfig(kind, List.of(widths), Init.KAIMING_UNIFORM);
    }

    /** Rows and classes. */
    public static Schema schema() {
        return Schema.images(1, SIDE, SIDE, ClassIndex.numbered(CLASSES));
    }

    /** A fresh learner that does nothing but train the network; a pure function of its arguments. */
    public Finetune learner(OptimizerConfig optimizer, Rng rng) {
        return new Finetune(Finetune.Config.of(new NetConfig(backbone, optimizer, true)), schema(), rng);
    }

    /** Batches of random images with random classes, which outlive every scope. */
    public static List<Batch> batches(int n, Rng rng) {
        List<Batch> all = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            try (Scope s = Scope.open()) {
                Tensor x = Scope.own(rng.child("x", i).normal(ROWS, 1, SIDE, SIDE));
                Rng classes = rng.child("y", i);
                long[] y = LongStream.generate(() -> classes.below(CLASSES))
                        .limit(ROWS)
                        .toArray();
                long first = (long) i * ROWS;
                all.add(new Batch(
                        Inputs.of(x),
                        new Target.ClassIds(Scope.own(Tensors.of(y, ROWS))),
                        Rows.of(LongStream.range(first, first + ROWS).toArray())));
            }
        }
        return all;
    }
}
