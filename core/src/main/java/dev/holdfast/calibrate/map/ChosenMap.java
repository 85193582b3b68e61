package dev.holdfast.calibrate.map;

import dev.holdfast.calibrate.ProbabilityMap;
import dev.holdfast.calibrate.map.LearntCalibrators.Form;
import dev.holdfast.calibrate.map.LearntCalibrators.Sizes;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.State;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;

/** The map that was best, saved with its name. */
final class ChosenMap implements ProbabilityMap {
    private final Sizes sizes;
    private Form form;
    private LearnableMap map;

    ChosenMap(Sizes sizes) {
        this.sizes = sizes;
    }

    void choose(Form f, LearnableMap m) {
        form = f;
        map = m;
    }

    @Override
    public Tensor probabilities(Tensor logits) {
        return map.probabilities(logits);
    }

    @Override
    public boolean keepsOrder() {
        return true;
    }

    @Override
    public State state() {
        return new State().put("form", form.name()).put("values", map);
    }

    @Override
    public void load(State saved) {
        String name = saved.value("form");
        Form f = Arrays.stream(Form.values())
                .filter(x -> x.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("The calibration was saved with the map '" + name
                        + "', which is not known.\nMaybe a newer release wrote it."));
        LearnableMap m = LearntCalibrators.fresh(f, sizes, null, Rng.of(0));
        m.load(saved.child("values"));
        choose(f, m);
    }
}
