package dev.holdfast.learner.fewshot;

import dev.holdfast.data.Schema;
import dev.holdfast.data.augment.LabelViews;
import dev.holdfast.learner.fewshot.BagConfig.Assigned;
import dev.holdfast.learner.fewshot.BagConfig.Tuning;
import dev.holdfast.loss.SupervisedContrastive.Form;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.scenario.Experience;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** {@code fscil-bag}. */
public final class FscilBagPlugin implements LearnerPlugin<BagConfig> {
    /** More rows a class than this in a session are no few-shot session. */
    private static final int FEW = 50;

    @Override
    public String name() {
        return "fscil-bag";
    }

    @Override
    public String summary() {
        return "a bag of eight tricks for new classes with a few rows each after a base of many classes";
    }

    @Override
    public String system() {
        return "03-fscil-bag";
    }

    @Override
    public String paper() {
        return "A Bag of Tricks for Few-Shot Class-Incremental Learning, 2024, arXiv 2403.14392";
    }

    /** All tricks but the wider network, which costs most. */
    @Override
    public BagConfig defaults() {
        return ladder(BagConfig.baseline(), 0).get("bag").withWidth(1);
    }

    /**
     * The rungs from no trick to all, each with those before it: {@code baseline}, {@code contrast}, {@code prototypes},
     * {@code views}, {@code rotation}, {@code pretraining}, {@code width}, {@code tuning}, {@code bag}; and for comparison
     * {@code full-finetune} and {@code untrained}.
     */
    @Override
    public Map<String, BagConfig> presets() {
        Map<String, BagConfig> all = new LinkedHashMap<>(ladder(BagConfig.baseline(), 0));
        all.put("full-finetune", fullFinetune(BagConfig.baseline()));
        all.put("untrained", BagConfig.baseline().untrained());
        return all;
    }

    /**
     * The rungs over a baseline.
     *
     * @param pretrainingEpochs passes of trick 7; 0 = twice those of the base
     */
    public static Map<String, BagConfig> ladder(BagConfig baseline, int pretrainingEpochs) {
        Map<String, BagConfig> rungs = new LinkedHashMap<>();
        BagConfig c = baseline;
        rungs.put("baseline", c);
        rungs.put("contrast", c = c.withContrast(1, Form.BATCH));
        rungs.put("prototypes", c = c.withAssigned(Assigned.Use.CROSS_ENTROPY));
        rungs.put("views", c = c.with(LabelViews.QUARTER_TURNS));
        rungs.put("rotation", c = c.withRotation(1));
        rungs.put("pretraining", c = c.withPretraining(pretrainingEpochs));
        rungs.put("width", c = c.withWidth(2));
        rungs.put("tuning", c = c.with(Tuning.lastStage()));
        rungs.put("bag", c.with(Tuning.subnet(Tuning.Score.MAGNITUDE)));
        return rungs;
    }

    /** Everything moves in every session, nothing is rehearsed: what freezing is for. */
    public static BagConfig fullFinetune(BagConfig baseline) {
        return baseline.with(
                new Tuning(Tuning.Moves.EVERYTHING, false, 0.1, Tuning.Score.MAGNITUDE, 20, 1e-3, 1, false));
    }

    /** A large first part, then few rows of each class. */
    @Override
    public boolean madeFor(Scenario s) {
        List<Experience> parts = s.experiences();
        return parts.size() > 1
                && parts.stream()
                        .skip(1)
                        .allMatch(e -> e.protocol() == Experience.Protocol.TRAIN
                                && e.train().size() <= (long) FEW * e.classes().size());
    }

    /** A base takes several passes over each row. */
    @Override
    public boolean shortlisted() {
        return false;
    }

    @Override
    public List<Axis> space() {
        return List.of(
                new Axis("contrast.weight", List.of(0.0, 1.0)),
                new Axis("views", List.of(LabelViews.NONE, LabelViews.QUARTER_TURNS)),
                new Axis("tuning.rate", List.of(1e-3, 1e-2)));
    }

    @Override
    public FscilBag create(BagConfig config, Schema schema, Rng rng) {
        return new FscilBag(config, schema, rng);
    }
}
