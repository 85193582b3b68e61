package dev.holdfast.nn.hyper;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Part;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Pool;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.WeightSource;
import dev.holdfast.nn.layer.BatchNorm;
import dev.holdfast.nn.layer.Fresh;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.layer.LayerNorm;
import dev.holdfast.nn.layer.Linear;
import dev.holdfast.nn.layer.Sequence;
import dev.holdfast.nn.weight.Dense;
import dev.holdfast.nn.weight.Surgery;
import dev.holdfast.nn.weight.WeightNorm;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamMeta.Role;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A hypernetwork h(E(gamma)): from a condition gamma it generates the weights of chosen sites of a main network (Ortiz et
 * al., <i>Magnitude Invariant Parametrizations Improve Hypernetwork Learning</i>, arXiv 2304.07645).
 *
 * <pre>{@code
 * Hypernet h = Hypernet.replace(net, s -> true, Map.of("angle", 1L), HypernetConfig.mip(), rng);
 * Tensor scores = net.scores(rows, Pass.train(rng).withCondition(gamma));   // gamma [1,1], or [n,1]: one a row
 * }</pre>
 *
 * <p>A linear stack with a piecewise linear activation and no biases obeys h(c gamma) = c h(gamma) for c >= 0, so that
 * without the encoding everything that is generated is as large as gamma is (section 3). For one thread.
 */
public final class Hypernet implements Pool, Part {
    private static final System.Logger LOG = System.getLogger(Hypernet.class.getName());

    /** One generated tensor: columns [from, from + entries) of theta. */
    record Slot(String name, Geometry geometry, Role role, long from) {
        long entries() {
            return geometry.count();
        }
    }

    private final HypernetConfig config;
    private final String name;
    private final SortedMap<String, Long> conditions;
    private final List<Slot> slots;
    private final Layer body;
    private final Site last;

    /** Smallest and largest condition [2,d], which are brought to 0 and 1. */
    private final Tensor range;

    private boolean warned;

    private Hypernet(
            HypernetConfig config,
            String name,
            SortedMap<String, Long> conditions,
            List<Slot> slots,
            Layer body,
            Site last,
            Tensor range) {
        this.config = config;
        this.name = name;
        this.conditions = conditions;
        this.slots = slots;
        this.body = body;
        this.last = last;
        this.range = range;
    }

    /**
     * Lets a fresh hypernetwork generate the weights of all sites of {@code net} that {@code where} admits. In the residual
     * form what a site has now becomes its W0, so that with h = 0 the net is what it was. Parameters and optimizers taken
     * from the net before are stale afterwards.
     *
     * @param conditions width of each named condition; they are put together in the order of their names
     * @throws IllegalArgumentException where no site is chosen, a norm is to be generated without the residual form, or
     *     the last layer would be larger than the configuration allows; the net is unchanged
     */
    public static Hypernet replace(
            Part net, Predicate<Site> where, Map<String, Long> conditions, HypernetConfig config, Rng rng) {
        List<Site> all = Inventory.of(net).sites();
        List<Site> chosen = new ArrayList<>();
        Set<WeightSource> taken = java.util.Collections.newSetFromMap(new java.util.IdentityHashMap<>());
        all.stream().filter(where).filter(s -> taken.add(s.source())).forEach(chosen::add);
        if (chosen.isEmpty()) {
            throw new IllegalArgumentException("No weight is to be generated; the sites are "
                    + all.stream().map(Site::name).toList() + ".");
        }
        List<Slot> slots = new ArrayList<>();
        long total = 0;
        for (Site s : chosen) {
            if (!config.residual() && s.meta().role() == Role.NORM) {
                throw new IllegalArgumentException("Site '" + s.name() + "' scales a norm; generated without the"
                        + " residual form it would start at 0.\nMaybe leave it out, or use residual=true.");
            }
            slots.add(new Slot(s.name(), s.geometry(), s.meta().role(), total));
            total += s.geometry().count();
        }
        long width = config.hidden().get(config.hidden().size() - 1);
        long numbers = Math.multiplyExact(width + 1, total);
        String size = String.format(
                "%,d weights from %,d numbers: (%d + 1) x %d = %,d entries in the last layer",
                total, width, width, total, numbers);
        if (numbers > config.maxNumbers()) {
            throw new IllegalArgumentException("The hypernetwork is too large: " + size + "; allowed are "
                    + String.format("%,d", config.maxNumbers())
                    + ".\nMaybe generate fewer sites, narrow the last hidden width, or raise maxNumbers.");
        }
        LOG.log(System.Logger.Level.DEBUG, () -> "A hypernetwork generates " + size + ".");
        Hypernet h = fresh(config, new TreeMap<>(conditions), slots, total, typeOf(chosen.get(0)), rng);
        Surgery.start()
                .rule(s -> taken.contains(s.source()) && where.test(s), h::slice)
                .apply(net);
        return h;
    }

    private static ScalarType typeOf(Site s) {
        try (Scope scope = Scope.open()) {
            return s.source().toDense().scalar_type().intern();
        }
    }

    private static Hypernet fresh(
            HypernetConfig c,
            SortedMap<String, Long> conditions,
            List<Slot> slots,
            long total,
            ScalarType dtype,
            Rng rng) {
        if (conditions.isEmpty() || conditions.values().stream().anyMatch(w -> w < 1)) {
            throw new IllegalArgumentException(
                    "A hypernetwork needs conditions, each with a width >= 1, but has " + conditions + ".");
        }
        long d = conditions.values().stream().mapToLong(Long::longValue).sum();
        if (c.encoding() == MagnitudeEncoding.UNIT_NORM && d < 2) {
            throw new IllegalArgumentException(
                    "A single number has no direction: UNIT_NORM needs conditions of at least"
                            + " two numbers but there is one.");
        }
        String name = "hyper";
        try (Scope s = Scope.open()) {
            Fresh fresh = new Fresh(rng.child(name), dtype, Init.KAIMING_UNIFORM, Role.OTHER, 0);
            List<Layer> layers = new ArrayList<>();
            long in = c.encoding().width(d);
            for (int i = 0; i < c.hidden().size(); i++) {
                long out = c.hidden().get(i);
                layers.add(hidden(c, name + "." + i, in, out, fresh.at(i)));
                layers.add(
                        switch (c.norm()) {
                            case NONE, WEIGHT -> null;
                            case BATCH -> new BatchNorm(name + "." + i + ".norm", out, fresh.at(i));
                            case LAYER -> new LayerNorm(name + "." + i + ".norm", out, 1e-5, fresh.at(i));
                        });
                layers.add(c.activation());
                in = out;
            }
            Layer body = new Sequence(name, layers);
            Tensor range = Tensors.cat(
                    0, Tensors.zeros(dtype, 1, d), Tensors.zeros(dtype, 1, d).add(Tensors.scalar(1)));
            ParamMeta m = new ParamMeta(
                    name + ".last", Role.OTHER, in, total, true, c.hidden().size());
            Tensor numbers = lastLayer(c, slots, body, d, in, total, dtype, rng.child("hyper.last"));
            return new Hypernet(
                    c,
                    name,
                    conditions,
                    List.copyOf(slots),
                    body,
                    Dense.at(m, Geometry.linear(total, in), numbers),
                    Scope.own(range));
        }
    }

    /** One hidden layer: normal with variance 2 over the fan of the chosen start, biases 0. */
    private static Linear hidden(HypernetConfig c, String name, long in, long out, Fresh fresh) {
        Linear l = new Linear(name, in, out, true, fresh);
        Site weight = Inventory.of(l).site(name);
        double fan = c.start() == HypernetConfig.Start.FAN_OUT_SPLIT ? out : in;
        weight.source()
                .initFrom(
                        fresh.rng().child(name).normal(fresh.dtype(), out, in).mul(Tensors.scalar(Math.sqrt(2 / fan))));
        Inventory.of(l).site(name + ".bias").source().initFrom(Tensors.zeros(fresh.dtype(), out));
        if (c.norm() == HypernetConfig.Norm.WEIGHT) {
            weight.source(WeightNorm.of(weight));
        }
        return l;
    }

    /** The last layer [total, in]: each generated tensor's rows as if they were a layer of their own. */
    private static Tensor lastLayer(
            HypernetConfig c, List<Slot> slots, Layer body, long d, long in, long total, ScalarType dtype, Rng rng) {
        double length = 1;
        if (c.start() == HypernetConfig.Start.MAIN_SCALE) {
            Tensor half = Tensors.zeros(dtype, 1, d).add(Tensors.scalar(0.5));
            length = body.forward(c.encoding().encode(half), Pass.eval()).norm().item_double();
            if (!(length > 0)) {
                throw new IllegalStateException("The hypernetwork's last hidden layer is zero at gamma = 1/2, so the"
                        + " generated weights cannot be given a size.\nMaybe more hidden units are needed.");
            }
        }
        Tensor w = Tensors.empty(dtype, total, in);
        for (Slot k : slots) {
            boolean bias = k.role == Role.BIAS;
            double deviation =
                    switch (c.start()) {
                        case FAN_OUT_SPLIT -> bias && c.zeroBiasRows() ? 0 : Math.sqrt(2.0 / k.entries());
                        case MAIN_SCALE -> bias ? 0 : Math.sqrt(2.0 / k.geometry.fanIn()) / length;
                    };
            Tensors.slice(w, k.from, k.from + k.entries())
                    .copy_(rng.child(k.name).normal(dtype, k.entries(), in).mul(Tensors.scalar(deviation)));
        }
        return w;
    }

    List<Slot> slots() {
        return slots;
    }

    /** Names of the generated sites, in the order in which they make up theta. */
    public List<String> names() {
        return slots.stream().map(Slot::name).toList();
    }

    /** Width of the last hidden layer. */
    long width() {
        return last.geometry().fanIn();
    }

    String describe() {
        return "a hypernetwork " + conditions + " " + config.hidden() + " " + config.activation() + " " + config.norm()
                + " " + config.encoding();
    }

    /** Width of all conditions together. */
    public long conditionWidth() {
        return conditions.values().stream().mapToLong(Long::longValue).sum();
    }

    /**
     * Named conditions [B, ...] as one [B,d]: each flattened, in the order of their names.
     *
     * @throws IllegalArgumentException for missing or unknown names, other widths, or unequal batch sizes
     */
    public Tensor condition(Map<String, Tensor> named) {
        if (!named.keySet().equals(conditions.keySet())) {
            throw new IllegalArgumentException("The conditions are " + new TreeMap<>(named).keySet()
                    + " but the hypernetwork was made for " + conditions.keySet() + ".");
        }
        List<Tensor> parts = new ArrayList<>();
        Set<Long> rows = new LinkedHashSet<>();
        conditions.forEach((key, width) -> {
            Tensor t = named.get(key);
            Tensor flat = t.dim() == 1 ? t.unsqueeze(1) : t.flatten(1, -1);
            if (flat.size(1) != width) {
                throw new IllegalArgumentException(
                        "Condition '" + key + "' has " + flat.size(1) + " numbers a row; expected " + width + ".");
            }
            rows.add(flat.size(0));
            parts.add(flat);
        });
        if (rows.size() > 1) {
            throw new IllegalArgumentException("The conditions have different numbers of rows: "
                    + conditions.keySet().stream()
                            .map(k -> k + " " + named.get(k).size(0))
                            .collect(Collectors.joining(", "))
                    + ".");
        }
        return Tensors.cat(1, parts.toArray(Tensor[]::new));
    }

    /** Brings conditions between {@code min} and {@code max} [d each] to [0,1]; part of the saved state. */
    public void range(double[] min, double[] max) {
        int d = (int) conditionWidth();
        if (min.length != d || max.length != d) {
            throw new IllegalArgumentException(
                    "The range has " + min.length + " and " + max.length + " numbers; expected " + d + " each.");
        }
        for (int i = 0; i < d; i++) {
            if (!(min[i] < max[i]) || Double.isInfinite(max[i] - min[i])) {
                throw new IllegalArgumentException(
                        "Condition " + i + " ranges from " + min[i] + " to " + max[i] + "; expected min < max.");
            }
        }
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            range.copy_(Tensors.of(new double[][] {min, max}));
        }
    }

    /** The condition in the middle of the range [1,d]. */
    public Tensor reference() {
        return range.mean(new long[] {0}, true, new org.bytedeco.pytorch.ScalarTypeOptional());
    }

    /** E(gamma) [B, width] of conditions [B,d]; outside of the range a warning is logged once. */
    public Tensor encode(Tensor gamma) {
        if (gamma.dim() != 2 || gamma.size(1) != conditionWidth()) {
            throw new IllegalArgumentException("Conditions have shape " + Arrays.toString(gamma.shape())
                    + "; expected [n," + conditionWidth() + "] for " + conditions + ".");
        }
        Tensor low = Tensors.slice(range, 0, 1);
        Tensor z = gamma.to(range.scalar_type())
                .sub(low)
                .div(Tensors.slice(range, 1, 2).sub(low));
        check(z);
        return config.encoding().encode(z);
    }

    private void check(Tensor z) {
        try (Scope s = Scope.open()) {
            double least = z.min().item_double();
            double most = z.max().item_double();
            if (Double.isNaN(least) || Double.isInfinite(least) || Double.isInfinite(most)) {
                double[][] rows = Tensors.rows(z.detach());
                for (int i = 0; i < rows.length; i++) {
                    if (Arrays.stream(rows[i]).anyMatch(v -> !Double.isFinite(v))) {
                        throw new IllegalArgumentException("Condition row " + i + " is " + Arrays.toString(rows[i])
                                + "; expected finite numbers.");
                    }
                }
            }
            if (!warned && (least < 0 || most > 1)) {
                warned = true;
                LOG.log(
                        System.Logger.Level.WARNING,
                        "Conditions reach from {0} to {1} of their range, outside of [0,1]; the generated weights are"
                                + " computed but were not trained there. Maybe range(min, max) is to be set.",
                        least,
                        most);
            }
        }
    }

    /** h of a pass [B,total], made once a pass. */
    Tensor theta(Pass pass) {
        return pass.memo(this, () -> {
            if (pass.condition() == null) {
                throw new IllegalStateException("Weights " + names()
                        + " are generated from a condition, but this pass has none.\nMaybe Pass.withCondition(gamma)"
                        + " is missing.");
            }
            return theta(pass.condition(), pass);
        });
    }

    private Tensor theta(Tensor gamma, Pass pass) {
        return last.apply(body.forward(encode(gamma), pass), null, pass);
    }

    Tensor thetaAtReference() {
        try (var mode = Autograd.noGrad()) {
            return theta(reference(), Pass.eval());
        }
    }

    /** One generated tensor out of theta [B,total]: its shape, or [B, shape] for several conditions. */
    Tensor slice(Tensor theta, int index) {
        Slot k = slots.get(index);
        Tensor mine = Tensors.slice(theta, 1, k.from, k.from + k.entries());
        long[] shape = k.geometry.sizes();
        if (theta.size(0) == 1) {
            return mine.reshape(shape);
        }
        long[] rows = new long[shape.length + 1];
        rows[0] = theta.size(0);
        System.arraycopy(shape, 0, rows, 1, shape.length);
        return mine.reshape(rows);
    }

    static void requireShape(Slot slot, Tensor dense) {
        if (!Arrays.equals(dense.shape(), slot.geometry.sizes())) {
            throw new IllegalArgumentException("'" + slot.name + "' needs a weight of shape " + slot.geometry.shape()
                    + " but got " + Arrays.toString(dense.shape()) + ".");
        }
    }

    @Override
    public WeightSource slice(Site site) {
        int i = names().indexOf(site.name());
        if (i < 0) {
            throw new IllegalArgumentException(
                    "Site '" + site.name() + "' is not generated by this hypernetwork; it generates " + names() + ".");
        }
        return new Generated(this, i, config.residual() ? site.source() : null, false);
    }

    /** The generated weights of a net in this pass, by site: W0 and what was generated. */
    public static Map<String, Tensor> weights(Part net, Pass pass) {
        Map<String, Tensor> w = new LinkedHashMap<>();
        generated(net).forEach((site, g) -> w.put(site, g.materialise(pass)));
        return w;
    }

    /**
     * Sets W0 of every generated weight to the weight of the same site of {@code pretrained}, so that the hypernetwork
     * learns the change of a net that is there already.
     */
    public static void setIndependent(Part net, Part pretrained) {
        Inventory other = Inventory.of(pretrained);
        Map<String, Generated> mine = generated(net);
        mine.forEach((site, g) -> {
            g.base();
            requireShape(
                    g.hypernet().slots.get(g.hypernet().names().indexOf(site)),
                    other.site(site).source().toDense());
        });
        mine.forEach((site, g) -> g.independent(other.site(site).source().toDense()));
    }

    /** Takes W0 of every generated weight out of training; parameters and optimizers taken before are stale. */
    public static void freezeIndependent(Part net) {
        Map<String, Generated> mine = generated(net);
        mine.values().forEach(Generated::base);
        mine.values().forEach(Generated::freeze);
    }

    private static Map<String, Generated> generated(Part net) {
        Map<String, Generated> m = new LinkedHashMap<>();
        for (Site s : Inventory.of(net).sites()) {
            if (s.source() instanceof Generated g) {
                m.put(s.name(), g);
            }
        }
        if (m.isEmpty()) {
            throw new IllegalArgumentException(
                    "No weight of this net is generated." + "\nMaybe Hypernet.replace was applied to a copy.");
        }
        return m;
    }

    @Override
    public List<WeightSource.Leaf> leaves() {
        List<WeightSource.Leaf> all = new ArrayList<>();
        Inventory.of(this).sites().forEach(s -> all.addAll(s.source().leaves()));
        return all;
    }

    /** Statistics of its norms and the range of the conditions. */
    Map<String, Tensor> buffers() {
        return Inventory.of(this).buffers();
    }

    @Override
    public void describe(Inventory into) {
        body.describe(into);
        into.add(last);
        into.buffer(name + ".range", range);
    }

    @Override
    public Hypernet copy(Copier c) {
        return new Hypernet(config, name, conditions, slots, c.part(body), c.site(last), c.leaf(range));
    }
}
