package dev.holdfast.learner.architecture;

import dev.holdfast.data.Schema;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.layer.InputShape;
import dev.holdfast.nn.layer.Norm;
import java.util.List;

/** What learners that build their fully connected layers themselves read from a backbone's configuration. */
final class Columns {
    private static final List<Integer> WIDTHS = List.of(100, 100);

    private Columns() {}

    /** Two hidden layers of 100 units. */
    static BackboneConfig mlp() {
        return new BackboneConfig(BackboneConfig.Kind.MLP, WIDTHS, Init.KAIMING_UNIFORM);
    }

    static void requirePlainMlp(BackboneConfig b, String learner) {
        if (b.kind() != BackboneConfig.Kind.MLP || b.norm() != Norm.NONE) {
            throw new IllegalArgumentException(
                    learner + " grows fully connected layers; expected net.backbone.kind=MLP and"
                            + " norm=NONE but they are " + b.kind() + " and " + b.norm() + ".");
        }
        if (b.widths().stream().anyMatch(w -> w < 1)) {
            throw new IllegalArgumentException("Widths must be >= 1 but are " + b.widths() + ".");
        }
    }

    static List<Integer> widths(BackboneConfig b) {
        return b.widths().isEmpty() ? WIDTHS : b.widths();
    }

    /** Rows of the schema's first field as one vector each. */
    static InputShape input(Schema schema, String learner) {
        Schema.Field f = schema.inputs().get(0);
        if (f.kind() != Schema.Field.Kind.VECTOR && f.kind() != Schema.Field.Kind.IMAGE) {
            throw new IllegalArgumentException(
                    learner + " needs numbers or images but field '" + f.name() + "' is a " + f.kind() + ".");
        }
        return new InputShape(List.of(f.shape().stream().reduce(1L, (a, b) -> a * b)));
    }
}
