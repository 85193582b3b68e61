package dev.holdfast.app.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.holdfast.calibrate.PostProcessor;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.data.table.Preprocessing;
import dev.holdfast.learner.Learner;
import dev.holdfast.registry.CalibratorPlugin;
import dev.holdfast.registry.ConfigBinder;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.registry.Registry;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A learner with all that is needed to feed it and to ask it. Owns the learner.
 *
 * @param preprocessing how raw table rows become its inputs; empty for images
 * @param calibration what turns its scores into probabilities; empty where it was not calibrated
 */
public record Model(
        ModelCard card,
        Schema schema,
        Optional<Preprocessing> preprocessing,
        Learner learner,
        Optional<PostProcessor> calibration)
        implements AutoCloseable {
    private static final String LEARNER = "learner";
    private static final String CALIBRATION = "calibration";

    /** A fresh learner that has learnt nothing. */
    static <C extends Record> Model fresh(
            String holdfast,
            LearnerPlugin<C> plugin,
            C config,
            long seed,
            Schema schema,
            Optional<Preprocessing> preprocessing) {
        ModelCard card = new ModelCard(
                ModelCard.FORMAT,
                holdfast,
                plugin.name(),
                tree(ConfigBinder.json(config)),
                seed,
                ModelCard.SchemaForm.of(schema),
                preprocessing.map(p -> tree(p.toJson())).orElse(null),
                List.of(),
                null,
                null,
                null);
        return new Model(card, schema, preprocessing, create(plugin, config, schema, seed), Optional.empty());
    }

    /** Reads a model; one that is damaged, newer, or made by a learner that is not here is refused. */
    public static Model read(Path folder, Registry registry) {
        ModelCard card = ModelFile.card(folder);
        try (Scope s = Scope.open()) {
            return read(folder, card, registry, ModelFile.state(folder, card), List.of());
        }
    }

    /**
     * Creates the learner and loads its state.
     *
     * @param moreClasses names of classes that the model does not know yet; they get the next ids
     */
    static Model read(Path folder, ModelCard card, Registry registry, State state, List<String> moreClasses) {
        Schema schema;
        Optional<Preprocessing> preprocessing;
        try {
            preprocessing = Optional.ofNullable(card.preprocessing())
                    .map(p -> Preprocessing.fromJson(p.toString()).plusClasses(moreClasses));
            schema = moreClasses.isEmpty()
                    ? card.schema().toSchema()
                    : preprocessing.orElseThrow().schema();
        } catch (IllegalArgumentException e) {
            throw ModelFile.damaged(folder, e.getMessage(), e);
        }
        Learner learner = create(registry.learner(card.learner()), card, schema);
        Optional<PostProcessor> calibration;
        try {
            learner.load(state.child(LEARNER));
            calibration = Optional.ofNullable(card.calibration())
                    .map(c -> unfitted(registry.calibrator(c.method()), c.configuration()));
            calibration.ifPresent(c -> c.load(state.child(CALIBRATION)));
        } catch (RuntimeException e) {
            learner.close();
            throw ModelFile.damaged(folder, e.getMessage(), e);
        }
        ModelCard now = new ModelCard(
                card.format(),
                card.holdfast(),
                card.learner(),
                card.configuration(),
                card.seed(),
                ModelCard.SchemaForm.of(schema),
                preprocessing.map(p -> tree(p.toJson())).orElse(null),
                card.lessons(),
                card.unfinished(),
                card.calibration(),
                card.state());
        return new Model(now, schema, preprocessing, learner, calibration);
    }

    private static <C extends Record> PostProcessor unfitted(CalibratorPlugin<C> plugin, JsonNode configuration) {
        return plugin.create(ConfigBinder.fromJson(plugin.defaults(), configuration.toString()))
                .unfitted();
    }

    /** What the model says of rows: the learner's scores, calibrated where it is; belongs to the caller's scope. */
    public Prediction predict(Inputs rows) {
        Prediction raw = learner.predict(rows);
        return calibration.isPresent() ? calibration.get().apply(raw) : raw;
    }

    private static <C extends Record> Learner create(LearnerPlugin<C> plugin, ModelCard card, Schema schema) {
        C config = ConfigBinder.fromJson(plugin.defaults(), card.configuration().toString());
        return create(plugin, config, schema, card.seed());
    }

    private static <C extends Record> Learner create(LearnerPlugin<C> plugin, C config, Schema schema, long seed) {
        return plugin.create(config, schema, Rng.of(seed).child("learner"));
    }

    /** Writes the learner as it is now, under another card, with what else belongs to the moment. */
    void write(Path folder, ModelCard as, State more) {
        try (Scope s = Scope.open()) {
            State all = new State().put(LEARNER, learner);
            more.tensors().forEach(all::put);
            more.values().forEach(all::put);
            ModelFile.write(folder, as, all);
        }
    }

    /** Writes the model with a calibration of its scores in place of the one that it may have. */
    void writeCalibrated(Path folder, ModelCard.Calibration how, PostProcessor fitted) {
        write(folder, card.calibrated(how), new State().put(CALIBRATION, fitted));
    }

    /** Refuses an unfinished model: it is half a lesson. */
    public void requireFinished(Path folder) {
        if (!card.finished()) {
            throw new IllegalArgumentException("The model " + folder + " was cut off after "
                    + card.unfinished().rows()
                    + " rows.\nMaybe finish it first: the same 'holdfast learn' command with --resume.");
        }
    }

    static JsonNode tree(String json) {
        try {
            return ModelFile.json().readTree(json);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("Not JSON: " + json, e);
        }
    }

    @Override
    public void close() {
        learner.close();
    }
}
