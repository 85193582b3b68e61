package dev.holdfast.nn;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.holdfast.config.Frozen;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.State;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;

/**
 * What a part consists of: its sites, spans, heads and buffers, in the order in which the part lists them. Parameters
 * are the distinct leaves of all sites, by identity; the saved state is these leaves, the buffers of sources and parts,
 * and the columns of heads.
 */
@Frozen
public final class Inventory {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final List<Site> sites = new ArrayList<>();
    private final List<Span> spans = new ArrayList<>();
    private final List<Head> heads = new ArrayList<>();
    private final Map<String, Tensor> buffers = new LinkedHashMap<>();
    private final Set<Object> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    private final Map<String, Site> byName = new LinkedHashMap<>();

    private final Part root;

    private Inventory(Part root) {
        this.root = root;
    }

    /** Asks a part for all that it consists of. */
    public static Inventory of(Part part) {
        Inventory i = new Inventory(part);
        part.describe(i);
        return i;
    }

    /** Adds a site; one that is listed twice counts once, two that share a name are refused. */
    public void add(Site s) {
        if (!seen.add(s)) {
            return;
        }
        if (byName.put(s.name(), s) != null) {
            throw new IllegalArgumentException("Two sites are named '" + s.name() + "'.");
        }
        sites.add(s);
    }

    /** Adds a span. */
    public void add(Span s) {
        if (seen.add(s)) {
            spans.add(s);
        }
    }

    /** Adds a head, whose columns belong to the saved state. */
    public void add(Head h) {
        if (seen.add(h)) {
            heads.add(h);
        }
    }

    /** Adds a tensor that is saved but not trained. */
    public void buffer(String name, Tensor t) {
        if (seen.add(t) && buffers.put(name, t) != null) {
            throw new IllegalArgumentException("Two buffers are named '" + name + "'.");
        }
    }

    public List<Site> sites() {
        return Collections.unmodifiableList(sites);
    }

    /** Site by name; an unknown name is refused with the names that exist. */
    public Site site(String name) {
        Site s = byName.get(name);
        if (s == null) {
            throw new IllegalArgumentException("There is no site '" + name + "'; there are " + byName.keySet() + ".");
        }
        return s;
    }

    public List<Span> spans() {
        return Collections.unmodifiableList(spans);
    }

    public List<Head> heads() {
        return Collections.unmodifiableList(heads);
    }

    /** Buffers that parts own themselves (running statistics), by name. */
    public Map<String, Tensor> buffers() {
        return Collections.unmodifiableMap(buffers);
    }

    /** The distinct leaves of all sites, by identity. */
    public Parameters parameters() {
        List<ParamMeta> meta = new ArrayList<>();
        List<Tensor> leaves = new ArrayList<>();
        Set<Tensor> taken = Collections.newSetFromMap(new IdentityHashMap<>());
        for (Site s : sites) {
            for (WeightSource.Leaf l : s.source().leaves()) {
                if (taken.add(l.value())) {
                    meta.add(l.meta());
                    leaves.add(l.value());
                }
            }
        }
        return new Parameters(meta, leaves);
    }

    /** Distinct leaves by name, buffers by name, {@code head.columns}, and the kind of every source. */
    public State state() {
        State s = new State();
        Parameters p = parameters();
        for (int i = 0; i < p.size(); i++) {
            s.put(p.meta().get(i).name(), p.get(i));
        }
        Set<Object> taken = Collections.newSetFromMap(new IdentityHashMap<>());
        for (Site site : sites) {
            s.put(site.name() + ".source", site.source().kind());
            if (taken.add(site.source())) {
                site.source().buffers().forEach((name, t) -> {
                    if (taken.add(t)) {
                        s.put(site.name() + "." + name, t);
                    }
                });
            }
        }
        buffers.forEach(s::put);
        for (Head h : heads) {
            s.put(h.name() + ".columns", write(h.columns()));
        }
        return s;
    }

    /**
     * Copies a saved state in. Heads take over the saved columns, and grow or shrink to them; everything else must
     * agree in names, shapes and types.
     *
     * @throws IllegalArgumentException if it does not; nothing is changed
     */
    public void load(State saved) {
        Map<Head, ClassIndex> adopt = new LinkedHashMap<>();
        State expected = new State();
        Map<String, Tensor> trial = new LinkedHashMap<>(state().tensors());
        for (Head h : heads) {
            ClassIndex columns = read(h.name() + ".columns", saved.value(h.name() + ".columns"));
            if (!columns.equals(h.columns())) {
                adopt.put(h, columns);
            }
            if (columns.size() != h.columns().size()) {
                // the shapes to expect are those of a copy with the saved columns; the head itself waits for the checks
                Head other = h.copy(new Copier());
                other.adopt(columns);
                trial.putAll(of(other).state().tensors());
            }
        }
        trial.forEach(expected::put);
        state().values().forEach((k, v) -> {
            boolean columns = heads.stream().anyMatch(h -> k.equals(h.name() + ".columns"));
            expected.put(k, columns ? saved.value(k) : v);
        });
        check(expected, saved, "net");
        adopt.forEach(Head::adopt);
        // heads that grew have other leaves and buffers than those listed here
        copy(of(root).state(), saved);
    }

    /** Copies {@code saved} into the tensors of {@code mine} after all names, texts, shapes and types were found equal. */
    static void load(State mine, State saved, String what) {
        check(mine, saved, what);
        copy(mine, saved);
    }

    private static void check(State mine, State saved, String what) {
        for (Map.Entry<String, String> e : mine.values().entrySet()) {
            String v = saved.values().get(e.getKey());
            if (!e.getValue().equals(v)) {
                throw new IllegalArgumentException("The saved " + what + " has '" + e.getKey() + "' = " + v
                        + " but this one has " + e.getValue()
                        + ".\nMaybe the same surgery or configuration is to be applied before loading.");
            }
        }
        for (Map.Entry<String, Tensor> e : mine.tensors().entrySet()) {
            Tensor t = saved.tensors().get(e.getKey());
            if (t == null) {
                throw new IllegalArgumentException("The saved " + what + " has no tensor '" + e.getKey()
                        + "', which this one needs; it has "
                        + saved.tensors().keySet() + ".\nMaybe it was saved by another configuration.");
            }
            if (!Arrays.equals(t.shape(), e.getValue().shape())
                    || t.scalar_type().intern() != e.getValue().scalar_type().intern()) {
                throw new IllegalArgumentException("The saved tensor '" + e.getKey() + "' is " + describe(t)
                        + " but this " + what + " needs " + describe(e.getValue())
                        + ".\nMaybe it was saved by another configuration.");
            }
        }
        for (String name : saved.tensors().keySet()) {
            if (!mine.tensors().containsKey(name)) {
                throw new IllegalArgumentException("The saved " + what + " has a tensor '" + name
                        + "', which this one does not know; it knows "
                        + mine.tensors().keySet() + ".\nMaybe it was saved by another configuration.");
            }
        }
    }

    private static void copy(State mine, State saved) {
        try (var mode = Autograd.noGrad()) {
            mine.tensors().forEach((name, t) -> t.copy_(saved.tensor(name)));
        }
    }

    private static String describe(Tensor t) {
        return t.scalar_type().intern() + " " + Arrays.toString(t.shape());
    }

    private static String write(ClassIndex columns) {
        try {
            return JSON.writeValueAsString(columns.columns());
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("The columns of a head could not be written.", e);
        }
    }

    private static ClassIndex read(String name, String text) {
        try {
            return ClassIndex.of(JSON.readValue(text, new TypeReference<List<ClassIndex.Column>>() {}));
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(
                    "The saved value '" + name + "' is no list of columns: " + text + ".", e);
        }
    }
}
