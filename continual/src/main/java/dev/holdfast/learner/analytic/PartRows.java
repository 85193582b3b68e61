package dev.holdfast.learner.analytic;

import dev.holdfast.data.DataSource;
import dev.holdfast.estimate.LinearSvm;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.bytedeco.pytorch.Tensor;

/**
 * The features of a whole part, one matrix [n, D] a class.
 *
 * @param ids class ids, ascending
 * @param rows finite features of each, in the caller's scope
 */
record PartRows(List<Integer> ids, List<Tensor> rows) {
    static PartRows of(FeatureSpace space, DataSource part) {
        TreeMap<Integer, List<Tensor>> pieces = new TreeMap<>();
        space.each(part, (features, classIds) -> sort(features, classIds, pieces));
        List<Tensor> rows = new ArrayList<>();
        pieces.forEach((id, some) -> {
            Tensor all = Tensors.cat(0, some.toArray(new Tensor[0]));
            some.forEach(Tensor::close);
            Tensors.requireFinite("The features of class " + id, all);
            rows.add(all);
        });
        return new PartRows(List.copyOf(pieces.keySet()), rows);
    }

    private static void sort(Tensor features, long[] ids, Map<Integer, List<Tensor>> pieces) {
        Map<Integer, List<Integer>> at = new TreeMap<>();
        for (int i = 0; i < ids.length; i++) {
            at.computeIfAbsent((int) ids[i], c -> new ArrayList<>()).add(i);
        }
        at.forEach((c, rows) -> pieces.computeIfAbsent(c, k -> new ArrayList<>())
                .add(Scope.own(Tensors.rows(
                        features, rows.stream().mapToInt(Integer::intValue).toArray()))));
    }

    /** Rows of one class for a linear classifier. */
    static LinearSvm.Block block(Tensor rows, int column) {
        int[] columns = new int[(int) rows.size(0)];
        Arrays.fill(columns, column);
        return new LinearSvm.Block(rows, columns);
    }
}
