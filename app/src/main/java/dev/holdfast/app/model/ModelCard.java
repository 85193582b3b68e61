package dev.holdfast.app.model;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.databind.JsonNode;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * What a model is, as written to {@code model.json} beside its state: everything that is needed to create the learner
 * again and to read rows as it read them. Holds no dates, so equal lessons give equal files.
 *
 * @param format version of this form; a newer one is refused
 * @param holdfast version of the program that wrote it
 * @param learner name in the registry
 * @param configuration the learner's record
 * @param seed seed that the learner was made with
 * @param schema fields and classes
 * @param preprocessing how raw table rows become numbers; null for images
 * @param lessons finished streams, oldest first
 * @param unfinished the stream that is being learnt, if the writer was cut off; else null
 * @param calibration how scores are turned into probabilities; null where they are not
 * @param state the file with the tensors
 */
public record ModelCard(
        int format,
        String holdfast,
        String learner,
        JsonNode configuration,
        long seed,
        SchemaForm schema,
        JsonNode preprocessing,
        List<Lesson> lessons,
        Unfinished unfinished,
        Calibration calibration,
        StateFile state) {
    /** The form that this program writes; form 1 knew no calibration. */
    public static final int FORMAT = 2;

    public ModelCard {
        lessons = List.copyOf(lessons);
        preprocessing = preprocessing == null || preprocessing.isNull() ? null : preprocessing;
    }

    /**
     * One stream that was learnt.
     *
     * @param request what was asked
     * @param rows rows learnt from; a row of two epochs counts twice
     * @param prequential metrics by name of rows predicted just before they were learnt, the headline first; undefined
     *     ones are left out; empty where the learner does not predict before the end of a part
     */
    public record Lesson(Request request, long rows, long batches, Map<String, Double> prequential) {
        public Lesson {
            prequential = Collections.unmodifiableMap(new LinkedHashMap<>(prequential));
        }

        /** {@code , accuracy 81.25 % beforehand}; empty where nothing was predicted. */
        @JsonIgnore
        public String headline() {
            return prequential.entrySet().stream()
                    .findFirst()
                    .map(e -> String.format(Locale.ROOT, ", %s %.2f %% beforehand", e.getKey(), 100 * e.getValue()))
                    .orElse("");
        }
    }

    /**
     * What {@code learn} was asked; a resumed call must ask the same.
     *
     * @param data spec of the data, {@code -} for standard input
     * @param limit rows after which to stop; 0 = all
     */
    public record Request(
            String data,
            List<String> dataOptions,
            String learner,
            String configuration,
            long seed,
            int epochs,
            int batchSize,
            boolean shuffle,
            long limit) {}

    /** How far a stream that was cut off has come; the loader's position and the scores so far are in the state. */
    public record Unfinished(Request request, long sourceRows, long rows, long batches) {}

    /**
     * What was fitted on held-out rows after learning.
     *
     * @param method name of the calibrator in the registry
     * @param configuration its record
     * @param data spec of the rows, {@code -} for standard input
     * @param rows it was fitted on
     * @param keepsDecision whether every row keeps its class
     * @param before measures of the raw scores on as many other rows, by name; undefined ones are left out
     * @param after the same of the calibrated ones
     */
    public record Calibration(
            String method,
            JsonNode configuration,
            String data,
            long rows,
            boolean keepsDecision,
            Map<String, Double> before,
            Map<String, Double> after) {
        public Calibration {
            before = Collections.unmodifiableMap(new LinkedHashMap<>(before));
            after = Collections.unmodifiableMap(new LinkedHashMap<>(after));
        }
    }

    /** The file with the tensors: its name, size and content. */
    public record StateFile(String file, long bytes, String sha256) {}

    /** The schema as JSON. */
    public record SchemaForm(List<Schema.Field> inputs, String target, List<ClassIndex.Column> classes) {
        static SchemaForm of(Schema s) {
            if (s.tree().isPresent()) {
                throw new IllegalArgumentException("A model of classes in a hierarchy cannot be written yet.");
            }
            return new SchemaForm(
                    s.inputs(), s.target().getSimpleName(), s.classes().columns());
        }

        Schema toSchema() {
            for (Class<?> kind : Target.class.getPermittedSubclasses()) {
                if (kind.getSimpleName().equals(target)) {
                    return new Schema(inputs, kind.asSubclass(Target.class), ClassIndex.of(classes), Optional.empty());
                }
            }
            throw new IllegalArgumentException(
                    "The model's target is a '" + target + "', which is not known.\nMaybe a newer release wrote it.");
        }
    }

    /** Whether the last stream was learnt to its end. */
    @JsonIgnore
    public boolean finished() {
        return unfinished == null;
    }

    ModelCard withState(StateFile file) {
        return new ModelCard(
                FORMAT,
                holdfast,
                learner,
                configuration,
                seed,
                schema,
                preprocessing,
                lessons,
                unfinished,
                calibration,
                file);
    }

    /** Calibrated, or (null) not; whoever changes the learner takes the calibration off, for it was fitted to the old one. */
    ModelCard calibrated(Calibration how) {
        return new ModelCard(
                format, holdfast, learner, configuration, seed, schema, preprocessing, lessons, unfinished, how, state);
    }

    /** In the middle of a stream. */
    ModelCard at(Unfinished position) {
        return new ModelCard(
                format, holdfast, learner, configuration, seed, schema, preprocessing, lessons, position, null, state);
    }

    /** At the end of a stream. */
    ModelCard after(Lesson lesson) {
        List<Lesson> all = new ArrayList<>(lessons);
        all.add(lesson);
        return withLessons(all);
    }

    ModelCard withLessons(List<Lesson> all) {
        return new ModelCard(
                format, holdfast, learner, configuration, seed, schema, preprocessing, all, null, null, state);
    }
}
