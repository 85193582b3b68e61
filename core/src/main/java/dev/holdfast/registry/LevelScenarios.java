package dev.holdfast.registry;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.LabelTree;
import dev.holdfast.data.tree.LabelTrees;
import dev.holdfast.data.tree.Taxonomy;
import dev.holdfast.scenario.Blurry;
import dev.holdfast.scenario.ClassIncremental;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.HierarchicalStream;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;

/** Streams of the work on hierarchical label expansion, under their names. */
public final class LevelScenarios {
    private LevelScenarios() {}

    /** Labels that get finer. */
    public record Levels(
            @Doc(
                            "label tree: a shipped one (fashion, fashion-mnist-digits, wordnet-lexname), a file with one child,parent"
                                    + " a line, or TABLE?levels=COARSE,FINE; empty = the data's own, or the shipped one that fits")
                    String tree,
            @Doc("DUAL: rows come coarsely, then finely labelled; SINGLE: no row twice; MULTI_DEPTH: a part a level")
                    HierarchicalStream.Expansion expansion,
            @Doc("how many of the finest levels take part; 0 = 2, or all with MULTI_DEPTH") int levels,
            @Doc("parts of finely labelled rows (DUAL, SINGLE)") int parts,
            @Doc("in which order finest classes arrive") ClassIncremental.Order order,
            @Doc("passes over each part; 1 when online") int epochs,
            @Doc("rows a batch") int batchSize,
            @Doc("rows pass by once and cannot be read again") boolean online,
            @Doc("whether learners are told where parts begin and end") boolean boundaries) {}

    /** {@code hle}. */
    public static final class HlePlugin implements ScenarioPlugin<Levels> {
        @Override
        public String name() {
            return "hle";
        }

        @Override
        public String summary() {
            return "labels get finer: coarse classes first, then those below them; every level is scored";
        }

        @Override
        public String system() {
            return "50-hle";
        }

        @Override
        public Levels defaults() {
            return new Levels(
                    "", HierarchicalStream.Expansion.DUAL, 0, 5, ClassIncremental.Order.SEEDED, 1, 16, true, false);
        }

        @Override
        public Scenario create(Levels c, Dataset train, Dataset test, Rng rng) {
            return HierarchicalStream.of(
                    new HierarchicalStream.Config(
                            c.expansion,
                            c.levels,
                            Math.min(c.parts, train.schema().classes().size()),
                            c.order,
                            new Dealing(c.epochs, c.batchSize, c.online, c.boundaries)),
                    tree(c.tree, train),
                    train,
                    test,
                    rng);
        }

        private static Taxonomy tree(String text, Dataset data) {
            if (!text.isBlank()) {
                return LabelTrees.open(text);
            }
            LabelTree own = data.schema().tree().orElse(null);
            if (own instanceof Taxonomy t) {
                return t;
            }
            return LabelTrees.shippedFor(data.schema().classes())
                    .orElseThrow(() -> new IllegalArgumentException(
                            "This stream needs a label tree over the classes of the data, and none is known."
                                    + "\nMaybe say --set scenario.tree=FILE with one child,parent a line."));
        }
    }

    /** {@code i-blurry}. */
    public static final class IBlurryPlugin implements ScenarioPlugin<ScenarioPlugins.Blurred> {
        private final ScenarioPlugins.BlurryPlugin blurry = new ScenarioPlugins.BlurryPlugin();

        @Override
        public String name() {
            return "i-blurry";
        }

        @Override
        public String summary() {
            return "old and new classes arrive mixed in equal shares, once, without a word about parts";
        }

        @Override
        public String system() {
            return "50-hle";
        }

        @Override
        public ScenarioPlugins.Blurred defaults() {
            return new ScenarioPlugins.Blurred(5, 50, 10, Blurry.Shares.EQUAL, 1, 16, true, false);
        }

        @Override
        public Scenario create(ScenarioPlugins.Blurred c, Dataset train, Dataset test, Rng rng) {
            return blurry.create(c, train, test, rng);
        }
    }
}
