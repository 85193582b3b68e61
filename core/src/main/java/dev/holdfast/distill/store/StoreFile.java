package dev.holdfast.distill.store;

import dev.holdfast.data.augment.ResizedCrop;
import dev.holdfast.data.augment.ResizedCrop.Regions;
import dev.holdfast.distill.store.Compression.Kept;
import dev.holdfast.distill.store.LabelAdaptation.Region;
import dev.holdfast.distill.store.SoftLabelStore.Adapted;
import dev.holdfast.distill.store.SoftLabelStore.Config;
import dev.holdfast.tensor.Safetensors;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A store as a safetensors file: the numbers as tensors, the rest as texts, and a SHA-256 over both, so that a damaged file
 * is found out before anything is learnt from it.
 */
final class StoreFile {
    private static final String FORMAT = "holdfast soft labels";
    private static final long VERSION = 1;
    private static final String CHECKSUM = "sha256";
    private static final int CHUNK = 1 << 16;
    private static final double SLACK = 1e-3;

    private StoreFile() {}

    static void write(Path file, SoftLabelStore store) throws IOException {
        try (Scope s = Scope.open()) {
            State state = state(store);
            Safetensors.write(file, state.put(CHECKSUM, checksum(state)));
        }
    }

    private static State state(SoftLabelStore store) {
        Config c = store.config();
        Regions r = store.allRegions();
        ScalarType number = c.half() ? ScalarType.Half : ScalarType.Float;
        byte[] flip = new byte[r.size()];
        for (int i = 0; i < flip.length; i++) {
            flip[i] = (byte) (r.flip()[i] ? 1 : 0);
        }
        long[] ids = new long[store.images()];
        Arrays.setAll(ids, store::id);
        State s = new State()
                .put("format", FORMAT)
                .put("version", VERSION)
                .put("crops", c.crops())
                .put("half", Boolean.toString(c.half()))
                .put("labels.kind", c.labels().kind().name())
                .put("labels.k", c.labels().k())
                .put("crop.minArea", c.crop().minArea())
                .put("crop.maxArea", c.crop().maxArea())
                .put("crop.minAspect", c.crop().minAspect())
                .put("crop.maxAspect", c.crop().maxAspect())
                .put("crop.flip", Boolean.toString(c.crop().flip()))
                .put("crop.height", c.crop().height())
                .put("crop.width", c.crop().width())
                .put("classes", store.classes().size())
                .put("ids", Tensors.of(ids, ids.length))
                .put("box", Tensors.of(r.box(), r.size(), 4).to(number))
                .put("flip", Tensors.ofBytes(flip, flip.length))
                .put("index", store.allKept().index())
                .put("value", store.allKept().value());
        for (int i = 0; i < store.classes().size(); i++) {
            s.put("class." + i, store.classes().get(i));
        }
        Adapted a = store.adapted();
        if (a != null) {
            s.put("adapted.low", a.policy().low())
                    .put("adapted.mid", a.policy().mid())
                    .put("adapted.top", a.policy().top())
                    .put("adapted.epsilon", a.policy().epsilon())
                    .put("adapted.confidence", a.policy().confidence().name())
                    .put("adapted.rescued", a.rescued())
                    .put("region", Tensors.ofBytes(a.region(), a.region().length))
                    .put("truth", Tensors.ids(a.truth()));
        }
        return s;
    }

    static SoftLabelStore read(Path file) throws IOException {
        try (Scope s = Scope.open()) {
            State state = Safetensors.read(file);
            if (!FORMAT.equals(state.values().get("format"))) {
                throw wrong(file, "it is no store of soft labels", "another file was meant", null);
            }
            try {
                long version = state.integer("version");
                if (version > VERSION) {
                    throw wrong(
                            file,
                            "it has version " + version + " and this program reads up to " + VERSION,
                            "a newer release wrote it",
                            null);
                }
                if (!checksum(state).equals(state.value(CHECKSUM))) {
                    throw new IllegalArgumentException("its content is not what was written");
                }
                return store(state);
            } catch (IllegalArgumentException e) {
                throw e.getMessage().startsWith(file.toString())
                        ? e
                        : wrong(file, e.getMessage(), "the file is damaged; make the store again", e);
            }
        }
    }

    private static IllegalArgumentException wrong(Path file, String what, String maybe, Exception cause) {
        return new IllegalArgumentException(file + " cannot be used: " + what + ".\nMaybe " + maybe + ".", cause);
    }

    private static SoftLabelStore store(State s) {
        ResizedCrop crop = new ResizedCrop(
                s.number("crop.minArea"),
                s.number("crop.maxArea"),
                s.number("crop.minAspect"),
                s.number("crop.maxAspect"),
                s.flag("crop.flip"),
                Math.toIntExact(s.integer("crop.height")),
                Math.toIntExact(s.integer("crop.width")));
        Compression labels = new Compression(
                Compression.Kind.valueOf(s.value("labels.kind")), Math.toIntExact(s.integer("labels.k")));
        Config config = new Config(Math.toIntExact(s.integer("crops")), crop, labels, s.flag("half"));
        List<String> classes = new ArrayList<>();
        for (int i = 0; i < s.integer("classes"); i++) {
            classes.add(s.value("class." + i));
        }
        labels.requireFits(classes.size());
        long[] ids = Tensors.longs(tensor(s, "ids", ScalarType.Long, -1));
        if (ids.length == 0) {
            throw new IllegalArgumentException("it has no image");
        }
        long n = (long) ids.length * config.crops();
        ScalarType number = config.half() ? ScalarType.Half : ScalarType.Float;
        Tensor box = tensor(s, "box", number, n, 4);
        byte[] flip = Tensors.bytes(tensor(s, "flip", ScalarType.Byte, n));
        boolean[] mirrored = new boolean[flip.length];
        for (int i = 0; i < flip.length; i++) {
            mirrored[i] = flip[i] != 0;
        }
        int width = labels.width(classes.size());
        Tensor value = tensor(s, "value", number, n, width);
        Tensor index = labels.kind() == Compression.Kind.FULL
                ? null
                : tensor(s, "index", SoftLabelStore.idType(classes.size()), n, width);
        requireSound(value, index, classes.size());
        Adapted adapted = s.values().containsKey("adapted.epsilon") ? adapted(s, ids.length, config, classes) : null;
        return new SoftLabelStore(
                config,
                classes,
                ids,
                new Regions(Tensors.floats(box), mirrored),
                new Kept(index == null ? null : Scope.own(index), Scope.own(value)),
                adapted);
    }

    private static Adapted adapted(State s, int images, Config config, List<String> classes) {
        LabelAdaptation policy = new LabelAdaptation(
                LabelAdaptation.Thresholds.ABSOLUTE,
                s.number("adapted.low"),
                s.number("adapted.mid"),
                s.number("adapted.top"),
                s.number("adapted.epsilon"),
                LabelAdaptation.Confidence.valueOf(s.value("adapted.confidence")));
        byte[] region = Tensors.bytes(tensor(s, "region", ScalarType.Byte, (long) images * config.crops()));
        int[] truth = Tensors.ints(tensor(s, "truth", ScalarType.Long, images));
        for (int t : truth) {
            if (t < 0 || t >= classes.size()) {
                throw new IllegalArgumentException("a true class is " + t + " of " + classes.size() + " classes");
            }
        }
        for (int i = 0; i < images; i++) {
            boolean any = false;
            for (int at = i * config.crops(); at < (i + 1) * config.crops(); at++) {
                if (region[at] < 0 || region[at] >= Region.values().length) {
                    throw new IllegalArgumentException("a region has the unknown kind " + region[at]);
                }
                any |= Region.values()[region[at]].kept();
            }
            if (!any) {
                throw new IllegalArgumentException("image " + i + " has no region that is kept");
            }
        }
        return new Adapted(policy, region, truth, Math.toIntExact(s.integer("adapted.rescued")));
    }

    private static Tensor tensor(State s, String name, ScalarType dtype, long... shape) {
        Tensor t = s.tensors().get(name);
        if (t == null || t.scalar_type().intern() != dtype) {
            throw new IllegalArgumentException("it has no tensor '" + name + "' of dtype " + dtype);
        }
        Tensors.requireShape("tensor '" + name + "'", t, shape);
        return t;
    }

    /** Probabilities in [0, 1] that sum to at most 1, of classes that exist, none twice in a label. */
    private static void requireSound(Tensor value, Tensor index, int classes) {
        long n = value.size(0);
        for (long from = 0; from < n; from += CHUNK) {
            try (Scope s = Scope.open()) {
                long to = Math.min(n, from + CHUNK);
                Tensor v = Tensors.slice(value, from, to).to(ScalarType.Float);
                double low = v.min().item_double();
                double high = v.max().item_double();
                double sum = v.sum(1).max().item_double();
                // a probability that is no number fails all of these
                if (!(low >= 0 && high <= 1 + SLACK && sum <= 1 + SLACK && sum > 0)) {
                    throw new IllegalArgumentException("its labels are no probabilities: they lie in [" + low + ", "
                            + high + "] and sum to up to " + sum);
                }
                if (index == null) {
                    continue;
                }
                Tensor i = Tensors.slice(index, from, to).to(ScalarType.Long);
                if (i.min().item_long() < 0 || i.max().item_long() >= classes) {
                    throw new IllegalArgumentException("a label names a class that is not among " + classes);
                }
                Tensor times = Tensors.zeros(ScalarType.Float, to - from, classes)
                        .scatter_add(
                                1, i, Tensors.zeros(ScalarType.Float, i.shape()).add_(Tensors.scalar(1)));
                if (times.max().item_double() > 1) {
                    throw new IllegalArgumentException("a label names a class twice");
                }
            }
        }
    }

    /** Over texts and tensors, names included, in the order of their names. */
    private static String checksum(State s) {
        try {
            MessageDigest sha = MessageDigest.getInstance("SHA-256");
            for (Map.Entry<String, String> e : new TreeMap<>(s.values()).entrySet()) {
                if (!e.getKey().equals(CHECKSUM)) {
                    sha.update((e.getKey() + "\n" + e.getValue() + "\n").getBytes(StandardCharsets.UTF_8));
                }
            }
            for (Map.Entry<String, Tensor> e : new TreeMap<>(s.tensors()).entrySet()) {
                Tensor t = e.getValue();
                sha.update((e.getKey() + " " + t.scalar_type().intern() + Arrays.toString(t.shape()) + "\n")
                        .getBytes(StandardCharsets.UTF_8));
                for (long from = 0; from < t.size(0); from += CHUNK) {
                    sha.update(Tensors.bytes(Tensors.slice(t, from, Math.min(t.size(0), from + CHUNK))));
                }
            }
            return HexFormat.of().formatHex(sha.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java has SHA-256", e);
        }
    }
}
