package dev.holdfast.learner.prototype;

import dev.holdfast.data.Schema;
import dev.holdfast.estimate.PrototypeCalibration;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.nn.layer.Norm;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.scenario.Experience;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import java.util.List;

/** {@code csfa}, and its rivals as settings of it: {@code teen}, {@code tent} and {@code sar}. */
public abstract sealed class CsfaPlugin implements LearnerPlugin<Csfa.Config> {
    private final String name;
    private final String summary;
    private final String paper;

    private CsfaPlugin(String name, String summary, String paper) {
        this.name = name;
        this.summary = summary;
        this.paper = paper;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String summary() {
        return summary;
    }

    /** Streams whose labels are hidden. */
    @Override
    public boolean madeFor(Scenario s) {
        return s.experiences().stream().anyMatch(e -> e.protocol() == Experience.Protocol.TEST_THEN_ADAPT);
    }

    @Override
    public String system() {
        return "21-csfa";
    }

    @Override
    public String paper() {
        return paper;
    }

    @Override
    public List<Axis> space() {
        return List.of(
                new Axis("adapt.rate", List.of(1e-3, 5e-3)),
                new Axis("adapt.filter", List.of(0.2, 0.4, 0.7)),
                new Axis("calibration.alpha", List.of(0.0, 0.1, 0.3, 0.5)));
    }

    @Override
    public Csfa create(Csfa.Config config, Schema schema, Rng rng) {
        return new Csfa(config, schema, rng);
    }

    private static Csfa.Config all() {
        NetConfig net = NetConfig.defaults();
        BackboneConfig normed = net.backbone().withNorm(Norm.GROUP);
        return Csfa.Config.of(new NetConfig(normed, net.optimizer(), false));
    }

    /** {@code csfa}. */
    public static final class Whole extends CsfaPlugin {
        public Whole() {
            super(
                    "csfa",
                    "CSFA: calibrated prototypes for new classes, norms that adapt to unlabelled rows, and recovery",
                    "Generalized Incremental Learning under Concept Drift, 2025, arXiv 2506.05736");
        }

        @Override
        public Csfa.Config defaults() {
            return all();
        }
    }

    /** {@code teen}: prototypes only, nothing adapts. */
    public static final class Teen extends CsfaPlugin {
        public Teen() {
            super(
                    "teen",
                    "TEEN: calibrated prototypes for new classes on a network that stays as it is",
                    "Wang et al. 2023, arXiv 2312.05229");
        }

        @Override
        public Csfa.Config defaults() {
            return all().with(all().adapt().frozen());
        }

        @Override
        public List<Axis> space() {
            return List.of(new Axis("calibration.alpha", List.of(0.0, 0.1, 0.3, 0.5)));
        }
    }

    /** {@code tent}: plain prototypes, entropy minimisation on all rows. */
    public static final class Tent extends CsfaPlugin {
        public Tent() {
            super(
                    "tent",
                    "TENT: norms adapt to unlabelled rows by plain entropy minimisation",
                    "Wang et al. 2021, arXiv 2006.10726");
        }

        @Override
        public Csfa.Config defaults() {
            return all().with(all().adapt().tent()).with(new PrototypeCalibration(0, 16));
        }

        @Override
        public List<Axis> space() {
            return List.of(new Axis("adapt.rate", List.of(1e-3, 5e-3)));
        }
    }

    /** {@code sar}: plain prototypes, reliable sharpness-aware entropy minimisation with recovery. */
    public static final class Sar extends CsfaPlugin {
        public Sar() {
            super(
                    "sar",
                    "SAR: norms adapt to unlabelled rows that are reliable, sharpness-aware, with recovery",
                    "Niu et al. 2023, arXiv 2302.12400");
        }

        @Override
        public Csfa.Config defaults() {
            return all().with(all().adapt().sar()).with(new PrototypeCalibration(0, 16));
        }

        @Override
        public List<Axis> space() {
            return List.of(
                    new Axis("adapt.rate", List.of(1e-3, 5e-3)), new Axis("adapt.filter", List.of(0.2, 0.4, 0.7)));
        }
    }
}
