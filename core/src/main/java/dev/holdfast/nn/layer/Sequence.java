package dev.holdfast.nn.layer;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Taps;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.bytedeco.pytorch.Tensor;

/** Layers one after the other; the output of the i-th is recorded as {@code name.i} if asked for. */
public final class Sequence implements Layer {
    private final String name;
    private final Layer[] layers;

    /** Null layers are left out. */
    public Sequence(String name, Layer... layers) {
        this(name, Arrays.asList(layers));
    }

    /** Null layers are left out. */
    public Sequence(String name, List<? extends Layer> layers) {
        this.name = name;
        this.layers = layers.stream().filter(Objects::nonNull).toArray(Layer[]::new);
    }

    /** The layers in order. */
    public List<Layer> layers() {
        return List.of(layers);
    }

    @Override
    public Tensor forward(Tensor x, Pass pass) {
        boolean record = pass.taps() != Taps.none();
        Tensor y = x;
        for (int i = 0; i < layers.length; i++) {
            y = layers[i].forward(y, pass);
            if (record) {
                pass.taps().put(name + "." + i, y);
            }
        }
        return y;
    }

    @Override
    public void describe(Inventory into) {
        for (Layer l : layers) {
            l.describe(into);
        }
    }

    @Override
    public Sequence copy(Copier c) {
        List<Layer> copies = new ArrayList<>();
        for (Layer l : layers) {
            copies.add(c.part(l));
        }
        return new Sequence(name, copies);
    }
}
