package dev.holdfast.learner.architecture;

import dev.holdfast.data.Inputs;
import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.layer.Fresh;
import dev.holdfast.nn.layer.InputShape;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Fully connected layers whose units come, split and go: {@link Pass#task} t sees the units born in parts 0..t, with the
 * weights that finished parts left unless t is the part that is learnt; -1 means the part that is learnt.
 */
final class UnitModel implements Model {
    private static final String WIDTHS = "units.widths";
    private static final String LIVE = "units.live";

    private final InputShape input;
    private final Fresh fresh;
    private WideHead head;
    private List<UnitLayer> layers = new ArrayList<>();

    /** The part that is learnt, or the last one. */
    private int live;

    UnitModel(InputShape input, List<Integer> widths, Fresh fresh) {
        this.input = input;
        this.fresh = fresh;
        long in = input.size();
        for (int i = 0; i < widths.size(); i++) {
            layers.add(UnitLayer.of("fc." + i, in, widths.get(i), at(i, "first", 0)));
            in = widths.get(i);
        }
        this.head = new WideHead(in, fresh.dtype());
    }

    private UnitModel(InputShape input, Fresh fresh, WideHead head, List<UnitLayer> layers, int live) {
        this.input = input;
        this.fresh = fresh;
        this.head = head;
        this.layers = layers;
        this.live = live;
    }

    private Fresh at(int layer, String purpose, long index) {
        return new Fresh(fresh.rng().child(purpose, layer, index), fresh.dtype(), fresh.init()).at(layer);
    }

    List<UnitLayer> layers() {
        return layers;
    }

    /** A part begins. */
    void begin(int part) {
        live = part;
    }

    /** So many more units in every layer for the part that is learnt. */
    void add(int units, long index) {
        long moreInputs = 0;
        for (int i = 0; i < layers.size(); i++) {
            layers.get(i).add(units, moreInputs, live, at(i, "more", index));
            moreInputs = units;
        }
        head.widen(units, fresh.rng().child("widen", index));
    }

    /** The units that came in this part, of each layer; those of the first part are nobody's addition. */
    List<boolean[]> added() {
        List<boolean[]> a = new ArrayList<>();
        for (UnitLayer l : layers) {
            long[] births = l.births();
            boolean[] own = new boolean[births.length];
            for (int i = 0; i < own.length; i++) {
                own[i] = live > 0 && births[i] == live;
            }
            a.add(own);
        }
        return a;
    }

    /** Takes added units without any weight away; returns how many. */
    int prune() {
        List<boolean[]> added = added();
        int gone = 0;
        int[] inputs = IntStream.range(0, (int) input.size()).toArray();
        for (int i = 0; i < layers.size(); i++) {
            boolean[] zero = layers.get(i).zero();
            boolean[] own = added.get(i);
            int[] kept = IntStream.range(0, zero.length)
                    .filter(u -> !(zero[u] && own[u]))
                    .toArray();
            gone += zero.length - kept.length;
            layers.get(i).select(kept, inputs);
            inputs = kept;
        }
        try (Scope s = Scope.open()) {
            head.weights(head.weight().index_select(1, Tensors.ids(inputs)));
        }
        return gone;
    }

    /**
     * The part is over. Old units that moved further than {@code bound} live on as new units of this part, and what the
     * part reads, it reads from these; all old units get back the weights that earlier parts left them.
     *
     * @param own which columns of the head belong to the part
     * @return how many units were split
     */
    int split(double bound, boolean[] own) {
        int splits = 0;
        try (Scope s = Scope.open()) {
            int[] before = {};
            for (UnitLayer l : layers) {
                long[] births = l.births();
                double[] drift = Tensors.doubles(
                        l.weights().sub(l.still()).square().sum(1).sqrt());
                int[] moved = IntStream.range(0, births.length)
                        .filter(u -> births[u] < live && drift[u] > bound)
                        .toArray();
                Tensor w = l.weights();
                Tensor copies = Tensors.rows(w, moved);
                Tensor old = l.birth().lt(Tensors.scalar(live)).unsqueeze(1);
                Tensor rows = Tensors.cat(0, l.still().where(old, w), copies);
                boolean[] reads = new boolean[births.length + moved.length];
                for (int u = 0; u < reads.length; u++) {
                    reads[u] = u >= births.length || births[u] >= live;
                }
                Tensor next = redirected(rows, w.size(1) - 1, before, reads);
                Tensor newborn = Tensors.zeros(ScalarType.Long, moved.length).fill_(Tensors.scalar(live));
                l.replace(next, next, Tensors.cat(0, l.birth(), newborn));
                before = moved;
                splits += moved.length;
            }
            Tensor h = head.weight();
            head.weights(redirected(h, h.size(1), before, own));
        }
        return splits;
    }

    /**
     * Weights [n, d] over inputs of which some were split: behind the {@code inputs} first columns come those of the new
     * units; rows that read the new units do so with the weights that they had for the old ones, the others with zero.
     */
    static Tensor redirected(Tensor rows, long inputs, int[] split, boolean[] reads) {
        if (split.length == 0) {
            return rows;
        }
        double[] r = new double[reads.length];
        double[] c = new double[(int) rows.size(1)];
        for (int i = 0; i < r.length; i++) {
            r[i] = reads[i] ? 1 : 0;
        }
        for (int i : split) {
            c[i] = 1;
        }
        Tensor reading = Tensors.of(r, r.length, 1).to(rows.scalar_type());
        Tensor source = Tensors.of(c, 1, c.length).to(rows.scalar_type());
        Tensor now = rows.index_select(1, Tensors.ids(split)).mul(reading);
        Tensor left = rows.mul(reading.mul(source).neg().add(Tensors.scalar(1)));
        return Tensors.cat(1, Tensors.slice(left, 1, 0, inputs), now, Tensors.slice(left, 1, inputs, rows.size(1)));
    }

    @Override
    public Tensor features(Inputs in, Pass pass) {
        int part = pass.task() < 0 ? live : pass.task();
        Tensor x = input.forward(in.x(), pass).to(fresh.dtype());
        Tensor readable = null;
        for (UnitLayer l : layers) {
            x = l.forward(x, readable, part, part == live, pass);
            readable = l.birth();
        }
        return x;
    }

    @Override
    public Tensor scores(Inputs in, Pass pass) {
        return head.forward(features(in, pass), pass);
    }

    @Override
    public WideHead head() {
        return head;
    }

    @Override
    public void describe(Inventory into) {
        layers.forEach(l -> l.describe(into));
        head.describe(into);
    }

    @Override
    public UnitModel copy(Copier c) {
        return new UnitModel(
                input, fresh, c.part(head), layers.stream().map(c::part).collect(Collectors.toList()), live);
    }

    @Override
    public State state() {
        String widths = layers.stream().map(l -> Long.toString(l.units())).collect(Collectors.joining(","));
        return Inventory.of(this).state().put(WIDTHS, widths).put(LIVE, live);
    }

    /** Gets as many units as were saved, then their numbers. */
    @Override
    public void load(State saved) {
        long[] widths = widths(saved.value(WIDTHS));
        int newLive = Math.toIntExact(saved.integer(LIVE));
        if (widths.length != layers.size() || Arrays.stream(widths).anyMatch(w -> w < 1) || newLive < 0) {
            throw new IllegalArgumentException("The saved network has layers of " + Arrays.toString(widths)
                    + " units and stands in part " + newLive + "; expected " + layers.size()
                    + " layers.\nMaybe it was saved by another configuration.");
        }
        List<UnitLayer> shaped = new ArrayList<>();
        long in = input.size();
        for (int i = 0; i < widths.length; i++) {
            shaped.add(UnitLayer.empty("fc." + i, in, widths[i], fresh.dtype(), i));
            in = widths[i];
        }
        WideHead other = new WideHead(in, fresh.dtype());
        UnitModel loaded = new UnitModel(input, fresh, other, shaped, newLive);
        Inventory.of(loaded).load(saved);
        head = other;
        layers = shaped;
        live = newLive;
    }

    private static long[] widths(String text) {
        try {
            return Arrays.stream(text.split(",")).mapToLong(Long::parseLong).toArray();
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    "The saved widths are '" + text + "'; expected whole numbers.\nMaybe the file is damaged.", e);
        }
    }
}
