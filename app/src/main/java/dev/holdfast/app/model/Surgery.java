package dev.holdfast.app.model;

import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Schema;
import dev.holdfast.data.table.Preprocessing;
import dev.holdfast.learner.Forgets;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.Mergeable;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.registry.Registry;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** Exact changes of finished models: two become one, rows are taken out. */
public final class Surgery {
    private static final int BATCH = 256;

    private final Registry registry;

    public Surgery(Registry registry) {
        this.registry = registry;
    }

    /**
     * Writes to {@code out} the model that had learnt the rows of both; a and b stay as they are.
     *
     * @throws IllegalArgumentException if the learner cannot merge, or the two read rows or classes differently
     */
    public ModelCard merge(Path a, Path b, Path out) {
        ModelCard first = ModelFile.card(a);
        ModelCard second = ModelFile.card(b);
        if (!first.learner().equals(second.learner())
                || !first.configuration().equals(second.configuration())
                || first.seed() != second.seed()) {
            throw new IllegalArgumentException(
                    "The models differ in learner, options or seed, so what they know does not"
                            + " add up: " + a + " is " + describe(first) + ", " + b + " is " + describe(second)
                            + ".\nMaybe learn the second one with the options and the seed of the first.");
        }
        requireFree(out, a, b);
        Schema s = merged(first, second, a, b);
        try (Scope scope = Scope.open();
                Model mine = read(a, first, s);
                Model other = read(b, second, s)) {
            mine.requireFinished(a);
            other.requireFinished(b);
            if (!(mine.learner() instanceof Mergeable m)) {
                throw refused(first.learner(), "merge", Mergeable.class, s);
            }
            m.merge(other.learner());
            List<ModelCard.Lesson> lessons = new ArrayList<>(first.lessons());
            lessons.addAll(second.lessons());
            ModelCard done = mine.card().withLessons(lessons);
            mine.write(out, done, new State());
            return done;
        }
    }

    /**
     * Takes rows out of a model, as if they had never been learnt, and writes it to {@code out}.
     *
     * @return how many rows were taken out
     */
    public long forget(Path model, Source rows, Path out) {
        requireFree(out, model);
        try (Model m = Model.read(model, registry)) {
            m.requireFinished(model);
            if (!(m.learner() instanceof Forgets f)) {
                throw refused(m.card().learner(), "forget", Forgets.class, m.schema());
            }
            rows.requireLike(m.schema()).requireLabelled();
            long n = 0;
            try (Loader loader = rows.rows().batches(Pace.inOrder(BATCH), Rng.of(0))) {
                while (loader.hasNext()) {
                    try (Scope s = Scope.open()) {
                        var batch = loader.next();
                        f.forget(batch);
                        n += batch.size();
                    }
                }
            }
            m.write(out, m.card().calibrated(null), new State());
            return n;
        }
    }

    /** Names of the learners here that are of a kind, among those that admit rows of this schema. */
    public static List<String> able(Registry registry, Class<? extends Learner> kind, Schema schema) {
        return registry.learners().stream()
                .filter(p -> {
                    try (Scope s = Scope.open();
                            Learner l = fresh(p, schema)) {
                        return kind.isInstance(l);
                    } catch (IllegalArgumentException otherRows) {
                        return false;
                    }
                })
                .map(LearnerPlugin::name)
                .toList();
    }

    private static <C extends Record> Learner fresh(LearnerPlugin<C> p, Schema schema) {
        return p.create(p.defaults(), schema, Rng.of(0));
    }

    private IllegalArgumentException refused(String learner, String verb, Class<? extends Learner> kind, Schema s) {
        return new IllegalArgumentException(
                "Learner '" + learner + "' cannot " + verb + " exactly: what it knows of one row"
                        + " is mixed with all others in its weights.\nThese can: "
                        + String.join(", ", able(registry, kind, s)) + ".");
    }

    private Model read(Path folder, ModelCard card, Schema merged) {
        List<String> names =
                merged.classes().columns().stream().map(c -> c.name()).toList();
        List<String> more = names.subList(card.schema().classes().size(), names.size());
        return Model.read(folder, card, registry, ModelFile.state(folder, card), more);
    }

    /** The larger of two schemas of which one continues the other. */
    private static Schema merged(ModelCard first, ModelCard second, Path a, Path b) {
        Schema x = first.schema().toSchema();
        Schema y = second.schema().toSchema();
        boolean sameRows = x.inputs().equals(y.inputs())
                && preprocessing(first, List.of()).equals(preprocessing(second, List.of()));
        if (!sameRows) {
            throw new IllegalArgumentException(
                    "The models " + a + " and " + b + " turn rows into numbers differently, so"
                            + " what they know does not add up.\nMaybe learn the second one with --like " + a + ".");
        }
        int common = Math.min(x.classes().size(), y.classes().size());
        boolean continued = IntStream.range(0, common).allMatch(i -> x.classes()
                .columns()
                .get(i)
                .equals(y.classes().columns().get(i)));
        if (!continued) {
            throw new IllegalArgumentException("The models number their classes differently: " + a + " has "
                    + x.classes() + ", " + b + " has " + y.classes()
                    + ".\nMaybe name all classes for both from the start: --classes a,b,c.");
        }
        return x.classes().size() >= y.classes().size() ? x : y;
    }

    private static Optional<Preprocessing> preprocessing(ModelCard c, List<String> classes) {
        return Optional.ofNullable(c.preprocessing())
                .map(p -> Preprocessing.fromJson(p.toString()))
                .map(p ->
                        new Preprocessing(p.version(), p.columns(), p.labels(), p.multiLabel(), classes, p.missing()));
    }

    private static void requireFree(Path out, Path... replaceable) {
        for (Path r : replaceable) {
            if (r.toAbsolutePath().normalize().equals(out.toAbsolutePath().normalize())) {
                return;
            }
        }
        if (ModelFile.exists(out)) {
            throw new IllegalArgumentException("There is a model in " + out + " already.\nMaybe choose another --out.");
        }
        ModelFile.requireFree(out);
    }

    private static String describe(ModelCard c) {
        return c.learner() + " " + c.configuration() + " seed " + c.seed();
    }
}
