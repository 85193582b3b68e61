package dev.holdfast.data.catalog;

import dev.holdfast.data.DataException;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.data.source.Progress;
import dev.holdfast.data.synth.LabelCanvas;
import dev.holdfast.tensor.Rng;
import java.util.ArrayList;
import java.util.List;

/** Canvases with small images of clothes and, where MNIST is found, of digits: images with label sets that need no files. */
public final class CanvasSet implements DataSourcePlugin {
    private static final int TRAIN = 6000;
    private static final int TEST = 1500;

    @Override
    public String id() {
        return "canvas";
    }

    @Override
    public String summary() {
        return "generated: 6,000 + 1,500 canvases 56x56 with one to four images of clothes (and digits, with the files of"
                + " MNIST in --data DIR): label sets";
    }

    @Override
    public DataPair open(DataOptions options, Progress progress) {
        DataOptions whole = options.withRows(0);
        List<DataPair> images = new ArrayList<>(List.of(DataCatalog.open("fashion", whole, progress)));
        try {
            images.add(DataCatalog.open("mnist", whole, progress));
        } catch (DataException noDigits) {
            // clothes alone are painted then; the note says what there is
        }
        List<Dataset> train = images.stream().map(DataPair::train).toList();
        List<Dataset> test = images.stream().map(DataPair::test).toList();
        List<String> names = LabelCanvas.names(train);
        int rows = options.rows() == 0 ? TRAIN : Math.toIntExact(Math.min(TRAIN, options.rows()));
        int testRows = Math.max(1, (int) ((long) rows * TEST / TRAIN));
        Rng rng = Rng.of(options.seed()).child("canvas");
        LabelCanvas canvas = new LabelCanvas(
                LabelCanvas.Config.defaults(), names, LabelCanvas.affinity(names.size(), rng.child("affinity")));
        return new DataPair(
                "canvas",
                String.format(
                        "canvases generated with seed %d from %s, %,d + %,d, %d labels",
                        options.seed(),
                        String.join(" and ", images.stream().map(DataPair::name).toList()),
                        rows,
                        testRows,
                        names.size()),
                canvas.draw(train, rows, rng.child("train")),
                canvas.draw(test, testRows, rng.child("test")));
    }
}
