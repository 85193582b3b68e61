package dev.holdfast.tck;

import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.bytedeco.pytorch.Tensor;

/** What a state is made of, to the bit, entry by entry, without holding its memory. */
record Bits(Map<String, String> entries) {
    static Bits of(State s) {
        Map<String, String> e = new TreeMap<>();
        s.values().forEach((name, text) -> e.put("value " + name, text));
        s.tensors().forEach((name, t) -> e.put("tensor " + name, digest(t)));
        return new Bits(e);
    }

    private static String digest(Tensor t) {
        try {
            byte[] sha = MessageDigest.getInstance("SHA-256").digest(Tensors.bytes(t));
            return t.scalar_type().intern()
                    + java.util.Arrays.toString(t.shape())
                    + HexFormat.of().formatHex(sha);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Names of the entries that differ; empty if every bit is the same. */
    List<String> differences(Bits o) {
        List<String> names = new ArrayList<>();
        Map<String, String> all = new TreeMap<>(entries);
        all.putAll(o.entries);
        all.keySet().forEach(k -> {
            String a = entries.get(k);
            String b = o.entries.get(k);
            if (a == null || !a.equals(b)) {
                names.add(k + (a == null ? " (new)" : b == null ? " (gone)" : ""));
            }
        });
        return names;
    }

    /** Fails, naming the entries, if this differs from {@code o}. */
    void requireSame(Bits o, String what) {
        List<String> names = differences(o);
        if (!names.isEmpty()) {
            throw new AssertionError(what + " Entries that differ: " + names.subList(0, Math.min(8, names.size()))
                    + " of " + entries.size() + ".");
        }
    }
}
