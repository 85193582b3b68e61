package dev.holdfast.app.model;

import dev.holdfast.app.compare.Settings;
import dev.holdfast.app.terminal.Console;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.data.table.Preprocessing;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.registry.ConfigBinder;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.registry.Registry;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * Makes or continues a model from a stream of rows: where the learner comes from, what is resumed, what is refused.
 *
 * @param holdfast version of this program, for the model's card
 * @param checkpointSeconds seconds between checkpoints
 */
public record Teaching(
        Registry registry, String holdfast, double checkpointSeconds, Console console, BooleanSupplier cancelled) {
    /**
     * What is to be learnt from what.
     *
     * @param learner name, or null with {@code from}
     * @param from model to go on from, or null
     * @param like model whose preprocessing and classes are used for a fresh learner, or null
     * @param classes names of further classes that may come later
     * @param out where the model goes; with {@code from} it may be the same folder; null to keep none
     * @param resume go on where an earlier call was cut off
     */
    public record Lesson(
            Spool data,
            DataOptions options,
            List<String> dataOptions,
            String learner,
            Path from,
            Path like,
            List<String> classes,
            Settings settings,
            long seed,
            int epochs,
            int batchSize,
            boolean shuffle,
            long limit,
            Path out,
            boolean resume) {
        public Lesson {
            if (learner != null && from != null) {
                throw new IllegalArgumentException(
                        "--from goes on with the learner of that model, so --learner is not given with it.");
            }
            if (learner == null && from == null) {
                throw new IllegalArgumentException("Say which learner: --learner NAME (see 'holdfast learners'),"
                        + " or --from MODEL to go on with one.");
            }
            if (from != null && like != null) {
                throw new IllegalArgumentException(
                        "--from uses that model's preprocessing already, so --like is not given with it.");
            }
            if (out == null && resume) {
                throw new IllegalArgumentException("--resume needs --out MODEL, where the checkpoint is.");
            }
            if (epochs < 1 || batchSize < 1) {
                throw new IllegalArgumentException(
                        "--epochs and --batch-size must be >= 1 but are " + epochs + " and " + batchSize + ".");
            }
        }
    }

    /** Learns; null when it was cut off, with a checkpoint in {@code out}. */
    public ModelCard learn(Lesson l) {
        if (l.out == null) {
            return l.from != null ? goOn(l) : begin(l, registry.learner(l.learner));
        }
        boolean there = ModelFile.exists(l.out);
        if (l.resume && there) {
            return resume(l);
        }
        if (l.resume) {
            console.say("There is no checkpoint in " + l.out + " yet; beginning.");
        }
        if (there
                && !(l.from != null
                        && l.from.toAbsolutePath()
                                .normalize()
                                .equals(l.out.toAbsolutePath().normalize()))) {
            throw new IllegalArgumentException(
                    "There is a model in " + l.out + " already." + "\nMaybe --resume (if it was cut off), --from "
                            + l.out + " (to go on with more rows), or another --out.");
        }
        ModelFile.requireFree(l.out);
        return l.from != null ? goOn(l) : begin(l, registry.learner(l.learner));
    }

    private <C extends Record> ModelCard begin(Lesson l, LearnerPlugin<C> plugin) {
        C config = l.settings.bind(plugin.name(), plugin.defaults());
        Optional<Preprocessing> fitted = Optional.empty();
        if (l.like != null) {
            fitted = Optional.ofNullable(ModelFile.card(l.like).preprocessing())
                    .map(p -> withNewClasses(Preprocessing.fromJson(p.toString()), l));
        }
        try (Source source = open(l, fitted)) {
            Optional<Preprocessing> p = source.preprocessing().map(x -> x.plusClasses(l.classes));
            try (Model model = Model.fresh(
                    holdfast,
                    plugin,
                    config,
                    l.seed,
                    p.map(Preprocessing::schema).orElse(source.rows().schema()),
                    p)) {
                ModelCard.Request request = request(l, plugin.name(), ConfigBinder.json(config));
                return learning(l, model, request, source).run(null);
            }
        }
    }

    private ModelCard goOn(Lesson l) {
        ModelCard card = ModelFile.card(l.from);
        Optional<Preprocessing> old =
                Optional.ofNullable(card.preprocessing()).map(p -> Preprocessing.fromJson(p.toString()));
        Optional<Preprocessing> fitted = old.map(p -> withNewClasses(p, l));
        List<String> added = fitted.map(f -> f.classes()
                        .subList(old.orElseThrow().classes().size(), f.classes().size()))
                .orElse(List.of());
        try (Source source = open(l, fitted);
                Scope s = Scope.open();
                Model model = Model.read(l.from, card, registry, ModelFile.state(l.from, card), added)) {
            model.requireFinished(l.from);
            source.requireLike(model.schema());
            if (card.calibration() != null) {
                console.say("The model was calibrated; what it learns now undoes that, so calibrate it again.");
            }
            ModelCard.Request request =
                    request(l, card.learner(), card.configuration().toString());
            return learning(l, model, request, source).run(null);
        }
    }

    private ModelCard resume(Lesson l) {
        ModelCard card = ModelFile.card(l.out);
        String learner = l.learner != null ? l.learner : card.learner();
        String configuration = l.learner != null
                ? configuration(l, registry.learner(learner))
                : card.configuration().toString();
        ModelCard.Request now = request(l, learner, configuration);
        ModelCard.Request then = card.finished()
                ? card.lessons().get(card.lessons().size() - 1).request()
                : card.unfinished().request();
        if (!now.equals(then)) {
            throw new IllegalArgumentException("The model in " + l.out + " was begun by another request.\nThen: " + then
                    + "\nNow:  " + now + "\nMaybe choose another --out.");
        }
        if (card.finished()) {
            console.say("The model in " + l.out + " is finished; nothing is left to do.");
            return card;
        }
        Optional<Preprocessing> fitted =
                Optional.ofNullable(card.preprocessing()).map(p -> Preprocessing.fromJson(p.toString()));
        try (Scope s = Scope.open();
                Source source = open(l, fitted)) {
            if (source.rows().size() != card.unfinished().sourceRows()) {
                throw new IllegalArgumentException("'" + l.data.name() + "' has "
                        + source.rows().size() + " rows now but had "
                        + card.unfinished().sourceRows()
                        + " when the model was begun, so it cannot go on with the same bits.");
            }
            State state = ModelFile.state(l.out, card);
            try (Model model = Model.read(l.out, card, registry, state, List.of())) {
                console.say("Going on after " + card.unfinished().rows() + " rows.");
                return learning(l, model, now, source).run(state);
            }
        }
    }

    private static <C extends Record> String configuration(Lesson l, LearnerPlugin<C> plugin) {
        return ConfigBinder.json(l.settings.bind(plugin.name(), plugin.defaults()));
    }

    private Preprocessing withNewClasses(Preprocessing fitted, Lesson l) {
        return fitted.plusClasses(l.classes).plusClasses(Source.newClasses(l.data, l.options, fitted));
    }

    private Source open(Lesson l, Optional<Preprocessing> fitted) {
        try (Console.Reading reading = console.reading()) {
            return Source.open(l.data, l.options, fitted, Source.Part.TRAIN, reading)
                    .requireLabelled();
        }
    }

    private ModelCard.Request request(Lesson l, String learner, String configuration) {
        return new ModelCard.Request(
                l.data.name(),
                l.dataOptions,
                learner,
                configuration,
                l.seed,
                l.epochs,
                l.batchSize,
                l.shuffle,
                l.limit);
    }

    private Learning learning(Lesson l, Model model, ModelCard.Request request, Source source) {
        Capabilities c = model.learner().capabilities();
        if (c.has(Trait.NEEDS_TASK_ID)) {
            throw new IllegalArgumentException("Learner '" + request.learner()
                    + "' predicts only when told the task, but a stream has none."
                    + "\nMaybe compare it in a task-incremental scenario.");
        }
        console.say(source.note());
        return new Learning(model, request, source, l.out, checkpointSeconds, console, cancelled);
    }
}
