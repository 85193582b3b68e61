package dev.holdfast.nn.hyper;

import dev.holdfast.data.Inputs;
import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Head;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.Pass;
import org.bytedeco.pytorch.Tensor;

/** A model whose generated weights take their condition from a field of the rows [n,d]: one set of weights a row. */
public final class ConditionalModel implements Model {
    private final Model model;
    private final String field;

    /** @param field name of the field that holds the condition of each row */
    public ConditionalModel(Model model, String field) {
        this.model = model;
        this.field = field;
    }

    @Override
    public Tensor features(Inputs in, Pass pass) {
        return model.features(in, conditioned(in, pass));
    }

    @Override
    public Tensor scores(Inputs in, Pass pass) {
        return model.scores(in, conditioned(in, pass));
    }

    private Pass conditioned(Inputs in, Pass pass) {
        return pass.withCondition(in.tensor(field));
    }

    @Override
    public Head head() {
        return model.head();
    }

    @Override
    public void describe(Inventory into) {
        model.describe(into);
    }

    @Override
    public ConditionalModel copy(Copier c) {
        return new ConditionalModel(c.part(model), field);
    }
}
