package dev.holdfast.evaluate.calibration;

import dev.holdfast.evaluate.calibration.Events.Bin;
import java.util.ArrayList;
import java.util.List;

/**
 * What a reliability diagram draws: confidence against accuracy in bins of equal width (low, high].
 *
 * @param bins all bins, low to high, empty ones too
 */
public record Reliability(List<Row> bins) {
    public Reliability {
        bins = List.copyOf(bins);
    }

    /** One bin; confidence and accuracy are 0 where it is empty. */
    public record Row(double low, double high, int count, double confidence, double accuracy) {}

    /** The table of top probabilities. */
    public static Reliability of(LabelledProbabilities x, int bins) {
        Events e = x.top();
        Bin[] all = e.bins(e.upToEdge(TopLabelErrors.requireBins(bins)), bins);
        List<Row> rows = new ArrayList<>();
        for (int b = 0; b < bins; b++) {
            rows.add(new Row((double) b / bins, (b + 1.0) / bins, all[b].count(), all[b].p(), all[b].hit()));
        }
        return new Reliability(rows);
    }
}
