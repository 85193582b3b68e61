package dev.holdfast.calibrate.map;

import dev.holdfast.calibrate.Calibrated;
import dev.holdfast.calibrate.Calibrator;
import dev.holdfast.calibrate.HeldOut;
import dev.holdfast.calibrate.PostProcessor;
import dev.holdfast.calibrate.objective.HObjective;
import dev.holdfast.calibrate.objective.Objective;
import dev.holdfast.config.Doc;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Target;
import dev.holdfast.registry.CalibratorPlugin;
import dev.holdfast.run.RunContext;
import dev.holdfast.tensor.Rng;
import java.util.List;

/** Calibrators that train a learnable map; all keep the order of classes. */
public final class LearntCalibrators {
    private LearntCalibrators() {}

    /** Which order-preserving map. */
    public enum Form {
        TEMPERATURE,
        PIECEWISE,
        ENSEMBLE,
        MONOTONE
    }

    /** Sizes of the maps. */
    public record Sizes(
            @Doc("segments of the piecewise map") int segments,
            @Doc("temperatures of the mixture") int temperatures,
            @Doc("hidden layers of the monotone network") List<Integer> hidden,
            @Doc("quadrature steps of the monotone network, even") int steps) {
        public static final Sizes DEFAULTS = new Sizes(500, 32, List.of(10, 10), 50);

        public Sizes {
            hidden = List.copyOf(hidden);
            if (segments < 1
                    || temperatures < 1
                    || hidden.stream().anyMatch(w -> w < 1)
                    || steps < 2
                    || steps % 2 != 0) {
                throw new IllegalArgumentException("Maps need segments, temperatures and hidden widths >= 1 and an even"
                        + " number of steps >= 2 but have " + segments + ", " + temperatures + ", " + hidden + " and "
                        + steps + ".");
            }
        }
    }

    /** One map, one objective. */
    public record Config(
            @Doc("what is minimised: NLL, BRIER, H or SOFT_ECE") Objective objective,
            @Doc("sizes of the maps") Sizes sizes,
            @Doc("how it is trained") MapTraining.Config training,
            @Doc("options of the objective H") HObjective.Config h) {
        public static Config of(Objective objective, MapTraining.SelectFor selectFor) {
            return new Config(
                    objective,
                    Sizes.DEFAULTS,
                    MapTraining.Config.DEFAULTS.withSelectFor(selectFor),
                    HObjective.Config.DEFAULTS);
        }
    }

    /** h-calibration: the best of several maps. */
    public record HConfig(
            @Doc("maps to choose from, by what training.selectFor says on the calibration rows") List<Form> maps,
            @Doc("sizes of the maps") Sizes sizes,
            @Doc("how they are trained") MapTraining.Config training,
            @Doc("the objective") HObjective.Config h) {
        public static final HConfig DEFAULTS = new HConfig(
                List.of(Form.PIECEWISE, Form.ENSEMBLE),
                Sizes.DEFAULTS,
                MapTraining.Config.DEFAULTS,
                HObjective.Config.DEFAULTS);

        public HConfig {
            maps = List.copyOf(maps);
            if (maps.isEmpty()) {
                throw new IllegalArgumentException(
                        "h-calibration needs at least one map; there are " + List.of(Form.values()) + ".");
            }
        }
    }

    /** Trains every map, keeps the best. */
    private record Learnt(
            List<Form> forms, Sizes sizes, Objective objective, MapTraining.Config training, HObjective.Config h)
            implements Calibrator {
        @Override
        public PostProcessor fit(Prediction raw, Target labels, RunContext c) {
            return Calibrated.fit(raw, labels, c, (rows, context) -> {
                LearnableMap best = null;
                Form bestForm = null;
                double selected = Double.POSITIVE_INFINITY;
                for (Form form : forms) {
                    Rng rng = context.rng().child("calibrate", form.ordinal());
                    LearnableMap map = fresh(form, sizes, rows, rng);
                    double now = MapTraining.fit(training, objective, h, map, rows, context, rng)
                            .selected();
                    if (best == null || now < selected) {
                        best = map;
                        bestForm = form;
                        selected = now;
                    }
                }
                ChosenMap chosen = new ChosenMap(sizes);
                chosen.choose(bestForm, best);
                return chosen;
            });
        }

        @Override
        public PostProcessor unfitted() {
            return new Calibrated(new ChosenMap(sizes), 0);
        }
    }

    /** A map before training. */
    static LearnableMap fresh(Form form, Sizes z, HeldOut rows, Rng rng) {
        return switch (form) {
            case TEMPERATURE -> new TemperatureMap(1);
            case PIECEWISE -> new PiecewiseMap(z.segments);
            case ENSEMBLE -> new EnsembleMap(z.temperatures, rng);
            case MONOTONE -> {
                double[] scale = rows == null ? new double[] {0, 1} : MonotoneMap.scale(rows.logits());
                yield new MonotoneMap(z.hidden, scale[0], scale[1], z.steps, rng);
            }
        };
    }

    /** A calibrator of one map. */
    public static Calibrator of(Form form, Config c) {
        return new Learnt(List.of(form), c.sizes, c.objective, c.training, c.h);
    }

    /** h-calibration. */
    public static Calibrator of(HConfig c) {
        return new Learnt(c.maps, c.sizes, Objective.H, c.training, c.h);
    }

    /** {@code h}. */
    public static final class HPlugin implements CalibratorPlugin<HConfig> {
        @Override
        public String name() {
            return "h";
        }

        @Override
        public String summary() {
            return "h-calibration: events of nearly equal probability must come true as often as said; keeps the class";
        }

        @Override
        public String paper() {
            return "Huang et al. 2025, arXiv 2506.17968";
        }

        @Override
        public HConfig defaults() {
            return HConfig.DEFAULTS;
        }

        @Override
        public Calibrator create(HConfig c) {
            return of(c);
        }
    }

    /** {@code piecewise}. */
    public static final class PiecewisePlugin implements CalibratorPlugin<Config> {
        @Override
        public String name() {
            return "piecewise";
        }

        @Override
        public String summary() {
            return "monotone piecewise linear function of log-probabilities, shared by all classes; keeps the class";
        }

        @Override
        public String paper() {
            return "Huang et al. 2025, arXiv 2506.17968";
        }

        @Override
        public Config defaults() {
            return Config.of(Objective.NLL, MapTraining.SelectFor.SCORE);
        }

        @Override
        public Calibrator create(Config c) {
            return of(Form.PIECEWISE, c);
        }
    }

    /** {@code ensemble}. */
    public static final class EnsemblePlugin implements CalibratorPlugin<Config> {
        @Override
        public String name() {
            return "ensemble";
        }

        @Override
        public String summary() {
            return "mixture of learnt temperatures; keeps the class";
        }

        @Override
        public String paper() {
            return "Zhang et al. 2020, arXiv 2003.07329";
        }

        @Override
        public Config defaults() {
            return Config.of(Objective.NLL, MapTraining.SelectFor.SCORE);
        }

        @Override
        public Calibrator create(Config c) {
            return of(Form.ENSEMBLE, c);
        }
    }

    /** {@code monotone}. */
    public static final class MonotonePlugin implements CalibratorPlugin<Config> {
        @Override
        public String name() {
            return "monotone";
        }

        @Override
        public String summary() {
            return "monotone network of log-probabilities, shared by all classes; slow; keeps the class";
        }

        @Override
        public String paper() {
            return "Rahimi et al. 2020, arXiv 2003.06820; Wehenkel, Louppe 2019, arXiv 1908.05164";
        }

        @Override
        public Config defaults() {
            return Config.of(Objective.NLL, MapTraining.SelectFor.SCORE);
        }

        @Override
        public Calibrator create(Config c) {
            return of(Form.MONOTONE, c);
        }
    }

    /** {@code soft-binned}. */
    public static final class SoftBinnedPlugin implements CalibratorPlugin<Config> {
        @Override
        public String name() {
            return "soft-binned";
        }

        @Override
        public String summary() {
            return "temperature that minimises an ECE with soft bins; keeps the class";
        }

        @Override
        public String paper() {
            return "Karandikar et al. 2021, arXiv 2108.00106";
        }

        @Override
        public Config defaults() {
            return Config.of(Objective.SOFT_ECE, MapTraining.SelectFor.TOP);
        }

        @Override
        public Calibrator create(Config c) {
            return of(Form.TEMPERATURE, c);
        }
    }
}
