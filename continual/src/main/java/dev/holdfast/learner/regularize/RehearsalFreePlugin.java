package dev.holdfast.learner.regularize;

import dev.holdfast.data.Schema;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.regularize.RehearsalFreeConfig.Anchor;
import dev.holdfast.learner.regularize.RehearsalFreeConfig.Classification;
import dev.holdfast.learner.regularize.RehearsalFreeConfig.Statistics;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.tensor.Rng;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** {@code rehearsal-free}, with a preset for every combination of the paper. */
public final class RehearsalFreePlugin implements LearnerPlugin<RehearsalFreeConfig> {
    @Override
    public String name() {
        return "rehearsal-free";
    }

    @Override
    public String summary() {
        return "distillation and anchors alone or together, one sigmoid a class; stores no rows";
    }

    @Override
    public String system() {
        return "49-rehearsal-free";
    }

    @Override
    public String paper() {
        return "Smith et al. 2023, arXiv 2203.17269";
    }

    @Override
    public RehearsalFreeConfig defaults() {
        return RehearsalFreeConfig.of(NetConfig.defaults(), 1, 0, 0, 100);
    }

    /**
     * One sigmoid a class unless the name says otherwise: {@code ft} and {@code lwf} have a softmax over all classes,
     * {@code ft++} one over the classes of the part. The weights are starting points; a search finds better ones.
     */
    @Override
    public Map<String, RehearsalFreeConfig> presets() {
        NetConfig net = NetConfig.defaults();
        Map<String, RehearsalFreeConfig> all = new LinkedHashMap<>();
        all.put("ft", RehearsalFreeConfig.of(net, 0, 0, 0, 0).with(Classification.SOFTMAX_ALL));
        all.put("ft++", RehearsalFreeConfig.of(net, 0, 0, 0, 0).with(Classification.SOFTMAX_NEW));
        all.put("lwf", RehearsalFreeConfig.of(net, 1, 0, 0, 0).with(Classification.SOFTMAX_ALL));
        all.put("predkd", RehearsalFreeConfig.of(net, 1, 0, 0, 0));
        all.put("predkd+featkd", RehearsalFreeConfig.of(net, 1, 0.1, 0, 0));
        all.put("predkd+l2", RehearsalFreeConfig.of(net, 1, 0, 1, 0));
        all.put("predkd+ewc", RehearsalFreeConfig.of(net, 1, 0, 0, 100));
        all.put("l2", RehearsalFreeConfig.of(net, 0, 0, 1, 0));
        all.put("ewc", RehearsalFreeConfig.of(net, 0, 0, 0, 100));
        all.put("featkd", RehearsalFreeConfig.of(net, 0, 0.1, 0, 0));
        all.put("pretrained-l2", RehearsalFreeConfig.of(net, 0, 0, 1, 0).with(Statistics.FREEZE));
        NetConfig vit = new NetConfig(
                new BackboneConfig(BackboneConfig.Kind.VIT, List.of(), Init.KAIMING_UNIFORM), net.optimizer(), false);
        all.put("vit-qkv-l2", RehearsalFreeConfig.of(vit, 0, 0, 1, 0).with(Anchor.ATTENTION_QKV));
        return Collections.unmodifiableMap(all);
    }

    @Override
    public List<Axis> space() {
        return List.of(
                new Axis("net.optimizer.rate", List.of(3e-4, 1e-3, 3e-3)),
                new Axis("predKd", List.of(0.0, 1.0)),
                new Axis("l2", List.of(0.0, 0.01, 0.1, 1.0, 10.0)),
                new Axis("ewc", List.of(0.0, 1.0, 10.0, 100.0, 1000.0)));
    }

    @Override
    public RehearsalFree create(RehearsalFreeConfig config, Schema schema, Rng rng) {
        return new RehearsalFree(config, schema, rng);
    }

    /** {@code lwf-mc}: one sigmoid a class, held to the former network's on old classes; no anchors. */
    public static final class LwfMc implements LearnerPlugin<RehearsalFreeConfig> {
        @Override
        public String name() {
            return "lwf-mc";
        }

        @Override
        public boolean shortlisted() {
            return false;
        }

        @Override
        public String summary() {
            return "LwF for many classes: one sigmoid a class, those of old classes held to the network before";
        }

        @Override
        public String system() {
            return "49-rehearsal-free";
        }

        @Override
        public String paper() {
            return "Rebuffi et al. 2017, arXiv 1611.07725, section 4";
        }

        @Override
        public RehearsalFreeConfig defaults() {
            return RehearsalFreeConfig.of(NetConfig.defaults(), 1, 0, 0, 0);
        }

        @Override
        public List<Axis> space() {
            return List.of(new Axis("net.optimizer.rate", List.of(3e-4, 1e-3, 3e-3)));
        }

        @Override
        public RehearsalFree create(RehearsalFreeConfig config, Schema schema, Rng rng) {
            return new RehearsalFree(config, schema, rng);
        }
    }
}
