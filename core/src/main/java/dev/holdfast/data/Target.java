package dev.holdfast.data;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** What a loss compares scores with. Immutable; tensors belong to whoever made them. */
@Frozen
public sealed interface Target {
    /** Number of rows, or -1 where the target does not know (no labels). */
    int size();

    /** The rows i, in that order. */
    Target rows(int... i);

    /** Unlabelled rows: adapt, never ignore. */
    record None() implements Target {
        @Override
        public int size() {
            return -1;
        }

        @Override
        public Target rows(int... i) {
            return this;
        }
    }

    /**
     * Class ids [n] int64 (ids of the schema, not score columns). A row may have {@link #NO_CLASS}: it belongs to none,
     * so that it can be shown without its label, but not learnt with it, and no score counts it.
     */
    record ClassIds(Tensor ids) implements Target {
        /** Id of rows that belong to no class. */
        public static final long NO_CLASS = -1;

        public ClassIds {
            Tensors.requireShape("class ids", ids, -1);
        }

        public static ClassIds of(long... ids) {
            return new ClassIds(Tensors.of(ids, ids.length));
        }

        @Override
        public int size() {
            return (int) ids.size(0);
        }

        @Override
        public Target rows(int... i) {
            return new ClassIds(Tensors.rows(ids, i));
        }
    }

    /** p [n, C] over score columns, rows sum to 1. */
    record Soft(Tensor p) implements Target {
        public Soft {
            Tensors.requireShape("soft targets", p, -1, -1);
        }

        @Override
        public int size() {
            return (int) p.size(0);
        }

        @Override
        public Target rows(int... i) {
            return new Soft(Tensors.rows(p, i));
        }
    }

    /** y [n, L] in {0, 1}; known [n, L] in {0, 1} or null = all known. */
    record MultiLabel(Tensor y, Tensor known) implements Target {
        public MultiLabel {
            Tensors.requireShape("label sets", y, -1, -1);
            if (known != null) {
                Tensors.requireShape("known labels", known, y.size(0), y.size(1));
            }
        }

        /** y as bits [n][L]. */
        public boolean[][] sets() {
            double[][] rows = Tensors.rows(y);
            boolean[][] b = new boolean[rows.length][];
            for (int i = 0; i < rows.length; i++) {
                b[i] = new boolean[rows[i].length];
                for (int l = 0; l < b[i].length; l++) {
                    b[i][l] = rows[i][l] > 0.5;
                }
            }
            return b;
        }

        @Override
        public int size() {
            return (int) y.size(0);
        }

        @Override
        public Target rows(int... i) {
            return new MultiLabel(Tensors.rows(y, i), known == null ? null : Tensors.rows(known, i));
        }
    }

    /** Class ids [n], each at its level [n] of the hierarchy. */
    record Levels(Tensor ids, Tensor level) implements Target {
        public Levels {
            Tensors.requireShape("class ids", ids, -1);
            Tensors.requireShape("levels", level, ids.size(0));
        }

        @Override
        public int size() {
            return (int) ids.size(0);
        }

        @Override
        public Target rows(int... i) {
            return new Levels(Tensors.rows(ids, i), Tensors.rows(level, i));
        }
    }

    /** y [n, k] real values. */
    record Values(Tensor y) implements Target {
        public Values {
            Tensors.requireShape("values", y, -1, -1);
        }

        @Override
        public int size() {
            return (int) y.size(0);
        }

        @Override
        public Target rows(int... i) {
            return new Values(Tensors.rows(y, i));
        }
    }

    /** labels [n, T] of token ids, -100 ignored. */
    record Tokens(Tensor labels) implements Target {
        @Override
        public int size() {
            return (int) labels.size(0);
        }

        @Override
        public Target rows(int... i) {
            return new Tokens(Tensors.rows(labels, i));
        }
    }

    /** Text answers with exact graders. */
    record Answers(List<Problem> problems) implements Target {
        public Answers {
            problems = List.copyOf(problems);
        }

        @Override
        public int size() {
            return problems.size();
        }

        @Override
        public Target rows(int... i) {
            List<Problem> p = new ArrayList<>();
            for (int k : i) {
                p.add(problems.get(k));
            }
            return new Answers(p);
        }
    }
}
