package dev.holdfast.registry;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Schema;
import dev.holdfast.data.corrupt.ImageShift;
import dev.holdfast.scenario.Blurry;
import dev.holdfast.scenario.ClassIncremental;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.DomainIncremental;
import dev.holdfast.scenario.Gilcd;
import dev.holdfast.scenario.Joint;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.scenario.Stream;
import dev.holdfast.tensor.Rng;
import java.util.List;

/** The built-in scenarios under their names. */
public final class ScenarioPlugins {
    private static final Classes CLASSES = new Classes(0, 0, ClassIncremental.Order.SEEDED, 3, 16, false, true);
    private static final Domains DOMAINS = new Domains(5, 1, 16, false, true);

    private ScenarioPlugins() {}

    /** New classes in groups. */
    public record Classes(
            @Doc("classes in the first part; 0 = as many as increment") int first,
            @Doc("classes in each later part; 0 = so many that there are five parts") int increment,
            @Doc("in which order classes arrive") ClassIncremental.Order order,
            @Doc("passes over each part; 1 when online") int epochs,
            @Doc("rows a batch") int batchSize,
            @Doc("rows pass by once and cannot be read again") boolean online,
            @Doc("whether learners are told where parts begin and end") boolean boundaries) {
        private ClassIncremental.Config config(boolean taskIdAtTest) {
            return new ClassIncremental.Config(
                    first, increment, order, taskIdAtTest, new Dealing(epochs, batchSize, online, boundaries));
        }
    }

    /** The same classes, other inputs. */
    public record Domains(
            @Doc("number of domains") int domains,
            @Doc("passes over each domain; 1 when online") int epochs,
            @Doc("rows a batch") int batchSize,
            @Doc("rows pass by once and cannot be read again") boolean online,
            @Doc("whether learners are told where domains begin and end") boolean boundaries) {
        private Scenario of(DomainIncremental.Shift shift, Dataset train, Dataset test, Rng rng) {
            return DomainIncremental.of(
                    DomainIncremental.drawn(shift, domains, new Dealing(epochs, batchSize, online, boundaries)),
                    train,
                    test,
                    rng);
        }
    }

    /** The same classes, turned further and further. */
    public record Turning(
            @Doc("number of domains") int domains,
            @Doc("degrees between two domains; 0 = 180 / domains") double degrees,
            @Doc("passes over each domain; 1 when online") int epochs,
            @Doc("rows a batch") int batchSize,
            @Doc("rows pass by once and cannot be read again") boolean online,
            @Doc("whether learners are told where domains begin and end") boolean boundaries) {}

    /** Kinds of drift that can be named. */
    public enum Drift {
        NONE,
        /** Gaussian noise. */
        NOISE,
        /** 0.45 x + 0.3. */
        CONTRAST,
        /** 3x3 means, of images. */
        BLUR,
        /** Every input times a factor of its own. */
        SCALING
    }

    /** New classes with few labels while the inputs drift. */
    public record Drifting(
            @Doc("classes of the base; 0 = six tenths of all") int base,
            @Doc("new classes a session, from the second on; 0 = so many that two sessions take all") int increment,
            @Doc("labelled rows of each new class") int shots,
            @Doc("drift of each session; empty = five sessions that suit the data") List<Drift> drifts,
            @Doc("standard deviation of the noise") double noise,
            @Doc("spread of the logarithms of the scaling's factors") double scaling,
            @Doc("streamed rows a session; 0 = all test rows of the classes so far") int rows,
            @Doc("streamed rows that are predicted together, then given without labels") int batchSize,
            @Doc("shuffled, or one class after the other") Gilcd.Order order,
            @Doc("share of the streamed rows that belong to no class (noise)") double garbage,
            @Doc("in which order classes arrive") ClassIncremental.Order classOrder,
            @Doc("passes over the base") int epochs,
            @Doc("rows a batch of the base") int baseBatch) {
        private static final List<Drift> IMAGES =
                List.of(Drift.NONE, Drift.NOISE, Drift.CONTRAST, Drift.BLUR, Drift.NOISE);
        private static final List<Drift> VECTORS =
                List.of(Drift.NONE, Drift.NOISE, Drift.SCALING, Drift.CONTRAST, Drift.NOISE);

        public Drifting {
            drifts = List.copyOf(drifts);
        }

        private Gilcd.Config config(Dataset data) {
            boolean images = data.schema().inputs().get(0).kind() == Schema.Field.Kind.IMAGE;
            List<Drift> named = drifts.isEmpty() ? images ? IMAGES : VECTORS : drifts;
            return new Gilcd.Config(
                    base,
                    increment,
                    shots,
                    named.stream().map(d -> shift(d, images)).toList(),
                    rows,
                    batchSize,
                    order,
                    garbage,
                    classOrder,
                    Dealing.offline(epochs, baseBatch));
        }

        private ImageShift shift(Drift d, boolean image) {
            return switch (d) {
                case NONE -> new ImageShift.None();
                case NOISE -> new ImageShift.Noise(noise, image);
                case CONTRAST -> new ImageShift.Contrast(0.45, 0.3);
                case BLUR -> new ImageShift.Blur();
                case SCALING -> new ImageShift.Scaling(scaling);
            };
        }
    }

    /** Old and new classes mixed. */
    public record Blurred(
            @Doc("number of parts") int parts,
            @Doc("classes of every hundred that appear in one part only") int disjointPercent,
            @Doc("rows of every hundred of the other classes that leave their home part") int blurryPercent,
            @Doc("whether the parts' shares are equal (i-Blurry) or random (Si-Blurry)") Blurry.Shares shares,
            @Doc("passes over each part; 1 when online") int epochs,
            @Doc("rows a batch") int batchSize,
            @Doc("rows pass by once and cannot be read again") boolean online,
            @Doc("whether learners are told where parts begin and end") boolean boundaries) {}

    /** Everything in one part. */
    public record AtOnce(@Doc("passes over the data") int epochs, @Doc("rows a batch") int batchSize) {}

    /** Rows in their order. */
    public record AsTheyCome(
            @Doc("rows that are predicted together, then learnt; 1 = strictly row by row") int batchSize) {}

    /** {@code class-incremental}. */
    public static final class ClassIncrementalPlugin implements ScenarioPlugin<Classes> {
        @Override
        public String name() {
            return "class-incremental";
        }

        @Override
        public String summary() {
            return "new classes arrive in groups; at test time all classes seen so far compete";
        }

        @Override
        public Classes defaults() {
            return CLASSES;
        }

        @Override
        public Scenario create(Classes c, Dataset train, Dataset test, Rng rng) {
            return ClassIncremental.of(c.config(false), train, test, rng);
        }
    }

    /** {@code task-incremental}. */
    public static final class TaskIncrementalPlugin implements ScenarioPlugin<Classes> {
        @Override
        public String name() {
            return "task-incremental";
        }

        @Override
        public String summary() {
            return "new classes arrive in groups; the group is known at test time";
        }

        @Override
        public Classes defaults() {
            return CLASSES;
        }

        @Override
        public Scenario create(Classes c, Dataset train, Dataset test, Rng rng) {
            return ClassIncremental.of(c.config(true), train, test, rng);
        }
    }

    /** {@code domain-permuted}. */
    public static final class PermutedPlugin implements ScenarioPlugin<Domains> {
        @Override
        public String name() {
            return "domain-permuted";
        }

        @Override
        public String summary() {
            return "the same classes, the input entries in another fixed order in every domain";
        }

        @Override
        public Domains defaults() {
            return DOMAINS;
        }

        @Override
        public Scenario create(Domains c, Dataset train, Dataset test, Rng rng) {
            return c.of(DomainIncremental.Shift.PERMUTED, train, test, rng);
        }
    }

    /** {@code domain-rotated}. */
    public static final class RotatedPlugin implements ScenarioPlugin<Domains> {
        @Override
        public String name() {
            return "domain-rotated";
        }

        @Override
        public String summary() {
            return "the same classes, images turned by another angle in every domain";
        }

        @Override
        public Domains defaults() {
            return DOMAINS;
        }

        @Override
        public Scenario create(Domains c, Dataset train, Dataset test, Rng rng) {
            return c.of(DomainIncremental.Shift.ROTATED, train, test, rng);
        }
    }

    /** {@code stream}. */
    public static final class StreamPlugin implements ScenarioPlugin<AsTheyCome> {
        @Override
        public String name() {
            return "stream";
        }

        @Override
        public String summary() {
            return "rows in the order of their file, once; each batch is tested, then learnt";
        }

        @Override
        public AsTheyCome defaults() {
            return new AsTheyCome(16);
        }

        @Override
        public boolean inOrder() {
            return true;
        }

        @Override
        public Scenario create(AsTheyCome c, Dataset train, Dataset test, Rng rng) {
            return Stream.of(train, c.batchSize);
        }
    }

    /** {@code domain-turning}. */
    public static final class TurningPlugin implements ScenarioPlugin<Turning> {
        @Override
        public String name() {
            return "domain-turning";
        }

        @Override
        public String summary() {
            return "the same classes, images turned by one more equal step in every domain";
        }

        @Override
        public String system() {
            return "06-continual-eval";
        }

        @Override
        public Turning defaults() {
            return new Turning(5, 0, 1, 16, false, true);
        }

        @Override
        public Scenario create(Turning c, Dataset train, Dataset test, Rng rng) {
            Dealing dealing = new Dealing(c.epochs, c.batchSize, c.online, c.boundaries);
            return DomainIncremental.of(DomainIncremental.turning(c.domains, c.degrees, dealing), train, test, rng);
        }
    }

    /** {@code blurry}. */
    public static final class BlurryPlugin implements ScenarioPlugin<Blurred> {
        @Override
        public String name() {
            return "blurry";
        }

        @Override
        public String summary() {
            return "old and new classes arrive mixed, once, without a word about parts";
        }

        @Override
        public String system() {
            return "24-g-acil";
        }

        @Override
        public Blurred defaults() {
            return new Blurred(5, 50, 10, Blurry.Shares.RANDOM, 1, 16, true, false);
        }

        @Override
        public Scenario create(Blurred c, Dataset train, Dataset test, Rng rng) {
            Dealing dealing = new Dealing(c.epochs, c.batchSize, c.online, c.boundaries);
            return Blurry.of(
                    new Blurry.Config(c.parts, c.disjointPercent, c.blurryPercent, c.shares, dealing),
                    train,
                    test,
                    rng);
        }
    }

    /** {@code joint}. */
    public static final class JointPlugin implements ScenarioPlugin<AtOnce> {
        @Override
        public String name() {
            return "joint";
        }

        @Override
        public String summary() {
            return "everything at once: ordinary training";
        }

        @Override
        public AtOnce defaults() {
            return new AtOnce(3, 16);
        }

        @Override
        public Scenario create(AtOnce c, Dataset train, Dataset test, Rng rng) {
            return Joint.of(Dealing.offline(c.epochs, c.batchSize), train, test);
        }
    }

    /** {@code drifting-classes}. */
    public static final class DriftingClassesPlugin implements ScenarioPlugin<Drifting> {
        @Override
        public String name() {
            return "drifting-classes";
        }

        @Override
        public String summary() {
            return "after a labelled base: new classes with few labels, and streams without labels that drift";
        }

        @Override
        public String system() {
            return "21-csfa";
        }

        @Override
        public Drifting defaults() {
            return new Drifting(
                    0,
                    0,
                    5,
                    List.of(),
                    0.25,
                    0.5,
                    2000,
                    64,
                    Gilcd.Order.SHUFFLED,
                    0,
                    ClassIncremental.Order.SEEDED,
                    3,
                    16);
        }

        @Override
        public Scenario create(Drifting c, Dataset train, Dataset test, Rng rng) {
            return Gilcd.of(c.config(train), train, test, rng);
        }
    }
}
