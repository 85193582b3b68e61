package dev.holdfast.learner.analytic;

import com.fasterxml.jackson.databind.JsonNode;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.estimate.RidgeHead;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.tensor.linalg.RecursiveRidge.Form;
import dev.holdfast.tensor.linalg.Ridge;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import dev.holdfast.testing.NativeMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The recursion against the authors' numbers, in both forms of the state. */
@ExtendWith(NativeMemory.class)
class GAcilGoldenTest {
    static Stream<GoldenCase> cases() {
        return Golden.cases("24-g-acil");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void recursive(GoldenCase c) {
        agrees(c, Form.RECURSIVE);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void gram(GoldenCase c) {
        agrees(c, Form.GRAM);
    }

    private static void agrees(GoldenCase c, Form form) {
        switch (c.kind()) {
            case "recursive-ridge" -> recursiveRidge(c, form);
            default -> c.failOnKind();
        }
        c.assertAllCompared();
    }

    private static void recursiveRidge(GoldenCase c, Form form) {
        RandomBuffer buffer = new RandomBuffer(c.tensor("projection"), c.flag("bias"));
        double gamma = c.number("gamma");
        RidgeHead head = new RidgeHead(buffer.width(c.tensor("projection").size(1)), gamma, form);
        List<Map<String, Object>> after = new ArrayList<>();
        List<Tensor> rows = new ArrayList<>();
        List<Integer> labels = new ArrayList<>();
        for (JsonNode batch : c.input("batches")) {
            Tensor h = buffer.apply(Golden.tensor(batch.get("x")));
            long[] y = Golden.longs(batch.get("y"));
            head.update(h, ClassIndex.numbered(100), y);
            rows.add(h);
            for (long label : y) {
                labels.add((int) label);
            }
            int classes = labels.stream().mapToInt(Integer::intValue).max().orElseThrow() + 1;
            Tensor all = Tensors.cat(0, rows.toArray(new Tensor[0]));
            Tensor joint = Ridge.fit(
                    all,
                    Tensors.oneHot(labels.stream().mapToInt(Integer::intValue).toArray(), classes, all),
                    gamma);
            Tensor weight = byClassId(head, head.weight(), classes);
            Map<String, Object> step = new TreeMap<>();
            step.put("weight", weight);
            step.put("jointRidge", joint);
            step.put("maxAbsDifference", weight.sub(joint).abs().max().item_double());
            after.add(step);
        }
        c.assertOutput("afterEachBatch", after);
        c.assertOutput("R", head.ridge().covariance());
        int classes = labels.stream().mapToInt(Integer::intValue).max().orElseThrow() + 1;
        c.assertOutput("queryLogits", byClassId(head, head.scores(buffer.apply(c.tensor("queries"))), classes));
    }

    /** The authors give every id up to the largest a column; here an unseen class has none, which scores like zeros. */
    private static Tensor byClassId(RidgeHead head, Tensor columns, int classes) {
        Tensor all = Tensors.zeros(ScalarType.Double, columns.size(0), classes);
        for (int id = 0; id < classes; id++) {
            int column = head.columns().columnOf(id);
            if (column >= 0) {
                all.select(1, id).copy_(columns.select(1, column));
            }
        }
        return all;
    }
}
