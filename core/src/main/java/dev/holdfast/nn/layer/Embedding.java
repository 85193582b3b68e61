package dev.holdfast.nn.layer;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.tensor.ParamMeta.Role;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/** A table of vectors: ids int64 [...] to [...,dim]; site {@code name}. */
public final class Embedding implements Layer {
    private final Site table;

    public Embedding(String name, long rows, long dim, Fresh fresh) {
        this(fresh.as(Role.EMBEDDING).weight(name, Geometry.embedding(rows, dim), dim, Map.of()));
    }

    private Embedding(Site table) {
        this.table = table;
    }

    @Override
    public Tensor forward(Tensor ids, Pass pass) {
        return table.apply(ids, null, pass);
    }

    @Override
    public void describe(Inventory into) {
        into.add(table);
    }

    @Override
    public Embedding copy(Copier c) {
        return new Embedding(c.site(table));
    }
}
