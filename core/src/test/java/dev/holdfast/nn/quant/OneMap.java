package dev.holdfast.nn.quant;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Part;
import dev.holdfast.nn.Site;

/** A network of a single site. */
record OneMap(Site site) implements Part {
    @Override
    public void describe(Inventory into) {
        into.add(site);
    }

    @Override
    public OneMap copy(Copier c) {
        return new OneMap(c.site(site));
    }
}
