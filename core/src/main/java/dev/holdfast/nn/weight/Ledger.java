package dev.holdfast.nn.weight;

import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Part;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.WeightSource.Cost;
import dev.holdfast.nn.WeightSource.Leaf;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;

/**
 * What the weights of a net cost, by site and in total; in the total a leaf, buffer or source that several sites share
 * counts once.
 */
public record Ledger(Map<String, Cost> bySite, Cost total) {
    public Ledger {
        bySite = Collections.unmodifiableMap(new LinkedHashMap<>(bySite));
    }

    /** Adds up a net as it is. */
    public static Ledger of(Part net) {
        Map<String, Cost> bySite = new LinkedHashMap<>();
        Cost total = new Cost(0, 0, 0, 0, 0, 0);
        Set<Object> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        for (Site s : Inventory.of(net).sites()) {
            Cost c = s.source().cost(s.geometry());
            bySite.put(s.name(), c);
            boolean known = !seen.add(s.source());
            long stored = c.stored();
            long trainable = c.trainable();
            long bits = c.bits();
            if (known) {
                // a tied source: the use costs multiply-adds, but nothing more is kept
                stored = 0;
                trainable = 0;
                bits = 0;
            } else {
                for (Leaf l : s.source().leaves()) {
                    if (!seen.add(l.value())) {
                        stored -= l.value().numel();
                        trainable -= l.value().numel();
                        bits -= Sources.bits(l.value());
                    }
                }
                for (Tensor t : s.source().buffers().values()) {
                    if (!seen.add(t)) {
                        stored -= t.is_floating_point() ? t.numel() : 0;
                        bits -= Sources.bits(t);
                    }
                }
            }
            total = total.plus(
                    new Cost(c.logical(), stored, trainable, bits, c.multiplyAdds(), known ? 0 : c.transientNumbers()));
        }
        return new Ledger(bySite, total);
    }
}
