package dev.holdfast.data.text;

import dev.holdfast.data.FeatureExtractor;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.source.Progress;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * A slow extractor of texts behind a store on disk. Rows are kept in blocks; a block's name is the digest of its rows and
 * of the extractor's fingerprint, so that other rows or another encoder never find it, an interrupted run keeps the
 * blocks it finished, and nothing has to be invalidated.
 *
 * <p>A block is written to a temporary file and renamed, so any number of threads and processes may share the folder; a
 * damaged block is found by its checksum and computed again. Where the folder cannot be written the features are computed
 * all the same, and {@link #problem} says so. Safe from any thread.
 */
public final class FeatureCache implements FeatureExtractor {
    private static final byte[] MAGIC = "HFFEAT1\n".getBytes(StandardCharsets.US_ASCII);
    private static final int BLOCK = 1024;
    private static final int DIGEST = 32;

    private final FeatureExtractor inner;
    private final Path folder;
    private final Progress progress;
    private volatile String problem;

    /** Blocks of {@code inner} under {@code folder}, which is made when the first one is written. */
    public FeatureCache(FeatureExtractor inner, Path folder) {
        this(inner, folder, Progress.NONE);
    }

    /** The same; {@code progress} hears of every block of a call with more than one. */
    public FeatureCache(FeatureExtractor inner, Path folder, Progress progress) {
        this.inner = inner;
        this.folder = folder;
        this.progress = progress;
    }

    @Override
    public Tensor features(Inputs x) {
        int n = x.size();
        String field = x.fields().size() == 1 ? x.fields().iterator().next() : Inputs.X;
        List<String> texts = x.text(field);
        try (Scope s = Scope.open()) {
            List<Tensor> blocks = new ArrayList<>();
            for (int from = 0; from < n; from += BLOCK) {
                int to = Math.min(n, from + BLOCK);
                blocks.add(block(texts.subList(from, to)));
                if (n > BLOCK) {
                    progress.at(to, n, "texts encoded");
                }
            }
            return s.keep(blocks.isEmpty() ? inner.features(x) : Tensors.cat(0, blocks.toArray(Tensor[]::new)));
        }
    }

    @Override
    public int dim() {
        return inner.dim();
    }

    @Override
    public String fingerprint() {
        return inner.fingerprint();
    }

    /** Why blocks could not be written, or null. */
    public String problem() {
        return problem;
    }

    private Tensor block(List<String> texts) {
        Path file = folder.resolve(key(texts) + ".feat");
        float[] known = read(file, texts.size());
        if (known != null) {
            return Tensors.of(known, texts.size(), inner.dim());
        }
        Tensor t = inner.features(Inputs.of(texts));
        Tensors.requireShape("features of " + inner.fingerprint(), t, texts.size(), inner.dim());
        write(file, Tensors.floats(t), texts.size());
        return t;
    }

    private String key(List<String> texts) {
        MessageDigest sha = sha();
        sha.update(inner.fingerprint().getBytes(StandardCharsets.UTF_8));
        for (String t : texts) {
            byte[] b = t.getBytes(StandardCharsets.UTF_8);
            sha.update(ByteBuffer.allocate(4).putInt(b.length).flip());
            sha.update(b);
        }
        return HexFormat.of().formatHex(sha.digest());
    }

    /** The rows of a block, or null if it is not there or not whole. */
    private float[] read(Path file, int rows) {
        try {
            byte[] all = Files.readAllBytes(file);
            int body = all.length - DIGEST;
            int expected = MAGIC.length + 8 + 4 * rows * inner.dim();
            if (body != expected || !Arrays.equals(all, 0, MAGIC.length, MAGIC, 0, MAGIC.length)) {
                return null;
            }
            MessageDigest sha = sha();
            sha.update(all, 0, body);
            if (!Arrays.equals(sha.digest(), Arrays.copyOfRange(all, body, all.length))) {
                return null;
            }
            ByteBuffer b =
                    ByteBuffer.wrap(all, MAGIC.length, body - MAGIC.length).order(ByteOrder.LITTLE_ENDIAN);
            if (b.getInt() != rows || b.getInt() != inner.dim()) {
                return null;
            }
            float[] v = new float[rows * inner.dim()];
            b.asFloatBuffer().get(v);
            return v;
        } catch (IOException e) {
            return null;
        }
    }

    private void write(Path file, float[] v, int rows) {
        ByteBuffer b =
                ByteBuffer.allocate(MAGIC.length + 8 + 4 * v.length + DIGEST).order(ByteOrder.LITTLE_ENDIAN);
        b.put(MAGIC).putInt(rows).putInt(inner.dim());
        IntStream.range(0, v.length).forEach(i -> b.putFloat(v[i]));
        MessageDigest sha = sha();
        sha.update(b.array(), 0, b.position());
        b.put(sha.digest());
        Path half = null;
        try {
            Files.createDirectories(folder);
            half = Files.createTempFile(folder, "half-", ".tmp");
            Files.write(half, b.array());
            Files.move(half, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            problem = "features are not kept, for " + folder + " cannot be written (" + e + ")";
            if (half != null) {
                half.toFile().delete();
            }
        }
    }

    private static MessageDigest sha() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
