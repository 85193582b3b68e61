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

/**
 * y = after(shortcut(x) + branch(x)): a branch with a way around it. In a pre-norm net the branch begins with its norm
 * and {@code after} is null; in a residual block of a convolutional net {@code after} is the activation.
 *
 * <p>It is a span unless the shortcut changes the width: modules at the branch replace the branch output before it is
 * added, modules across are added to the output.
 */
public final class Residual implements Layer, Span {
    private final String name;
    private final Kind kind;
    private final long width;
    private final Layer branch;
    private final Layer shortcut;
    private final Layer after;
    private final List<SpanModule> modules = new ArrayList<>();

    /**
     * @param shortcut null = the identity
     * @param after what follows the sum, or null
     */
    public Residual(String name, Kind kind, long width, Layer branch, Layer shortcut, Layer after) {
        this.name = name;
        this.kind = kind;
        this.width = width;
        this.branch = branch;
        this.shortcut = shortcut;
        this.after = after;
    }

    @Override
    public Tensor forward(Tensor x, Pass pass) {
        Tensor b = branch.forward(x, pass);
        for (SpanModule m : modules) {
            if (m.point() == SpanModule.Point.BRANCH) {
                b = m.apply(x, b, this, pass);
            }
        }
        Tensor y = (shortcut == null ? x : shortcut.forward(x, pass)).add(b);
        y = after == null ? y : after.forward(y, pass);
        for (SpanModule m : modules) {
            if (m.point() == SpanModule.Point.ACROSS) {
                y = y.add(m.apply(x, b, this, pass));
            }
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
        return after instanceof LayerNorm ? after : null;
    }

    @Override
    public void insert(SpanModule m) {
        if (shortcut != null) {
            throw new IllegalArgumentException("Block '" + name
                    + "' changes its width, so nothing can be put around it.\nMaybe choose a block of equal widths.");
        }
        modules.add(m);
    }

    @Override
    public void describe(Inventory into) {
        branch.describe(into);
        if (shortcut != null) {
            shortcut.describe(into);
        } else {
            into.add(this);
        }
        if (after != null) {
            after.describe(into);
        }
        modules.forEach(m -> m.describe(into));
    }

    @Override
    public Residual copy(Copier c) {
        Residual r = new Residual(name, kind, width, c.part(branch), c.part(shortcut), c.part(after));
        modules.forEach(m -> r.modules.add(c.part(m)));
        return r;
    }
}
