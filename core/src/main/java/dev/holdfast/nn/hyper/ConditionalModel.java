package dev.holdfast.nn.hyper;

import dev.holdfast.data.Inputs;
import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Head;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.Pass;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * A model whose generated weights take their condition from fields of the rows: one set of weights a row. The fields
 * [n, ...] are flattened and put together in the order of their names.
 */
public final class ConditionalModel implements Model {
    private final Model model;
    private final List<String> fields;

    /** @param fields names of the fields that make up the condition, at least one */
    public ConditionalModel(Model model, List<String> fields) {
        if (fields.isEmpty()) {
            throw new IllegalArgumentException("A conditional model needs at least one field that is its condition.");
        }
        this.model = model;
        this.fields = fields.stream().sorted().toList();
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
        Tensor[] parts =
                fields.stream().map(f -> in.tensor(f).reshape(in.size(), -1)).toArray(Tensor[]::new);
        return pass.withCondition(parts.length == 1 ? parts[0] : Tensors.cat(1, parts));
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
        return new ConditionalModel(c.part(model), fields);
    }
}
