package dev.holdfast.app.compare;

import dev.holdfast.data.Dataset;
import dev.holdfast.data.WithTruth;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.corrupt.HiddenLabels;
import dev.holdfast.data.corrupt.LongTail;
import dev.holdfast.data.corrupt.NamedCorruption;
import dev.holdfast.data.corrupt.NoiseTruth;
import java.util.List;
import java.util.Optional;

/**
 * Rows after the corruptions that were asked for.
 *
 * @param truth what was done to the labels, if anything was
 */
record Spoilt(DataPair pair, Optional<NoiseTruth> truth) {
    /** Spoils training or test rows, one corruption after the other, by seed. */
    static Spoilt of(DataPair clean, List<NamedCorruption> corruptions, long seed) {
        Dataset train = clean.train();
        Dataset test = clean.test();
        StringBuilder note = new StringBuilder(clean.note());
        NoiseTruth truth = null;
        for (NamedCorruption c : corruptions) {
            if (c.kind().side() == NamedCorruption.Side.TEST) {
                test = c.apply(test, seed).data();
                note.append("; rows to be tested on: ").append(c);
                continue;
            }
            WithTruth<?> spoilt = c.apply(train, seed);
            train = spoilt.data();
            if (spoilt.truth() instanceof NoiseTruth t) {
                truth = t;
                note.append("; labels to learn from: ").append(t);
            } else if (spoilt.truth() instanceof HiddenLabels || spoilt.truth() instanceof LongTail.Counts) {
                note.append("; rows to learn from: ").append(spoilt.truth());
            } else {
                note.append("; rows to learn from: ").append(c);
            }
        }
        return new Spoilt(
                new DataPair(clean.name(), note.toString(), train, test, clean.preprocessing()),
                Optional.ofNullable(truth));
    }
}
