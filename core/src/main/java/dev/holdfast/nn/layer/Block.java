package dev.holdfast.nn.layer;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Span;
import dev.holdfast.nn.SpanModule;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** A layer of equal input and output width as a span: a transformer block, or all of them; recorded under its name. */
public final class Block implements Layer, Span {
    private final String name;
    private final Kind kind;
    private final long width;
    private final Layer inner;
    private final List<SpanModule> modules = new ArrayList<>();

    public Block(String name, Kind kind, long width, Layer inner) {
        this.name = name;
        this.kind = kind;
        this.width = width;
        this.inner = inner;
    }

    @Override
    public Tensor forward(Tensor x, Pass pass) {
        Tensor y = inner.forward(x, pass);
        for (SpanModule m : modules) {
            y = y.add(m.apply(x, null, this, pass));
        }
        pass.taps().put(name, y);
        return y;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Kind kind() {
        return kind;
    }

    @Override
    public long width() {
        return width;
    }

    @Override
    public Layer norm() {
        return null;
    }

    @Override
    public void insert(SpanModule m) {
        if (m.point() != SpanModule.Point.ACROSS) {
            throw new IllegalArgumentException("Block '" + name
                    + "' has no branch of its own; a module at a branch belongs to one of its sublayers.");
        }
        modules.add(m);
    }

    @Override
    public void describe(Inventory into) {
        inner.describe(into);
        into.add(this);
        modules.forEach(m -> m.describe(into));
    }

    @Override
    public Block copy(Copier c) {
        Block b = new Block(name, kind, width, c.part(inner));
        modules.forEach(m -> b.modules.add(c.part(m)));
        return b;
    }
}
