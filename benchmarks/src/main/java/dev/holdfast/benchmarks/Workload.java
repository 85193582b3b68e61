package dev.holdfast.benchmarks;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.learner.baseline.Finetune;
import dev.holdfast.learner.hyper.ConditionalNet;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.loss.EarlyLearning;
import dev.holdfast.loss.LossConfig;
import dev.holdfast.nn.hyper.HypernetConfig;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Tensor;

/** What is timed: a backbone under a linear head of ten classes, on grey images of 28 x 28. */
public enum Workload {
    /** 784-256-256-10, ReLU. */
    MLP(BackboneConfig.Kind.MLP, 256, 256),
    /** Three 3x3 convolutions of 16, 32 and 64 channels, ReLU, pooling. */
    CONVNET(BackboneConfig.Kind.CONVNET),
    /** ViT-tiny: patches of 7 x 7, width 64, four blocks of four heads. */
    VIT(BackboneConfig.Kind.VIT),
    /** Slim ResNet-18 of 20 channels, group norm. */
    RESNET(BackboneConfig.Kind.RESNET),
    /** 784-512-256-10, ReLU, with early-learning regularisation on batches of 128. */
    ELR(128, new EarlyLearning.Config(), BackboneConfig.Kind.MLP, 512, 256),
    /** 784-32-10, ReLU, the first layer generated from a condition a row by a 2-16-64-128 hypernetwork; batches of 64. */
    HYPER(64, new CrossEntropy.Config(), BackboneConfig.Kind.MLP, 32);

    /** Classes, all of them in the head from the start. */
    public static final int CLASSES = 10;

    /** Field of the condition, where there is one. */
    public static final String CONDITION = "gamma";

    private static final int SIDE = 28;

    private final BackboneConfig backbone;
    private final int rows;
    private final LossConfig loss;

    Workload(BackboneConfig.Kind kind, Integer... widths) {
        this(32, new CrossEntropy.Config(), kind, widths);
    }

    Workload(int rows, LossConfig loss, BackboneConfig.Kind kind, Integer... widths) {
        this.rows = rows;
        this.loss = loss;
        this.backbone = new BackboneConfig(kind, List.of(widths), Init.KAIMING_UNIFORM);
    }

    /** Rows in a batch. */
    public int rows() {
        return rows;
    }

    /** Rows and classes. */
    public Schema schema() {
        Schema plain = Schema.images(1, SIDE, SIDE, ClassIndex.numbered(CLASSES));
        if (this != HYPER) {
            return plain;
        }
        Schema.Field gamma = new Schema.Field(CONDITION, Schema.Field.Kind.CONDITION, List.of(1L), 0);
        return new Schema(List.of(plain.inputs().get(0), gamma), plain.target(), plain.classes(), plain.tree());
    }

    /** A fresh learner that does nothing but train the network; a pure function of its arguments. */
    public NetLearner learner(OptimizerConfig optimizer, Rng rng) {
        if (this == HYPER) {
            return new ConditionalNet(
                    ConditionalNet.Config.of(new NetConfig(backbone, optimizer, true), HypernetConfig.mip()),
                    schema(),
                    rng);
        }
        return new Finetune(new Finetune.Config(new NetConfig(backbone, optimizer, true), loss), schema(), rng);
    }

    /** Batches of random images with random classes, which outlive every scope. */
    public List<Batch> batches(int n, Rng rng) {
        List<Batch> all = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            try (Scope s = Scope.open()) {
                Tensor x = Scope.own(rng.child("x", i).normal(rows, 1, SIDE, SIDE));
                Rng classes = rng.child("y", i);
                long[] y = LongStream.generate(() -> classes.below(CLASSES))
                        .limit(rows)
                        .toArray();
                long first = (long) i * rows;
                all.add(new Batch(
                        this == HYPER
                                ? Inputs.of(Map.of(
                                        Inputs.X,
                                        x,
                                        CONDITION,
                                        Scope.own(rng.child("gamma", i).uniform(rows, 1))))
                                : Inputs.of(x),
                        new Target.ClassIds(Scope.own(Tensors.of(y, rows))),
                        Rows.of(LongStream.range(first, first + rows).toArray())));
            }
        }
        return all;
    }
}
