package dev.holdfast.nn.weight;

import dev.holdfast.nn.Part;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.WeightSource;
import java.util.function.Function;
import java.util.function.Predicate;

/** First matching rule wins; a selector that matches nothing is an error naming the sites. Undo = bake to dense. */
public interface Surgery {
    Surgery rule(Predicate<Site> where, Function<Site, WeightSource> make);

    Ledger apply(Part net);

    void bake(Part net);
}
