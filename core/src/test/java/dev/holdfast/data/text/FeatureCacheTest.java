package dev.holdfast.data.text;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.data.FeatureExtractor;
import dev.holdfast.data.Inputs;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FeatureCacheTest {
    @TempDir
    Path dir;

    /** Length and hash of a text; counts how many texts it was asked for. */
    private static final class Counting implements FeatureExtractor {
        private final AtomicInteger asked = new AtomicInteger();
        private final String name;

        Counting(String name) {
            this.name = name;
        }

        @Override
        public Tensor features(Inputs x) {
            float[] v = new float[2 * x.size()];
            for (int i = 0; i < x.size(); i++) {
                String t = x.text("x").get(i);
                v[2 * i] = t.length();
                v[2 * i + 1] = t.hashCode() % 1000;
            }
            asked.addAndGet(x.size());
            return Tensors.of(v, x.size(), 2);
        }

        @Override
        public int dim() {
            return 2;
        }

        @Override
        public String fingerprint() {
            return name;
        }
    }

    private static Inputs texts(int n) {
        return Inputs.of(IntStream.range(0, n).mapToObj(i -> "text " + i).toList());
    }

    private static float[] ask(FeatureExtractor f, Inputs x) {
        try (Scope s = Scope.open()) {
            return Tensors.floats(f.features(x));
        }
    }

    private List<Path> blocks() throws IOException {
        try (Stream<Path> s = Files.list(dir)) {
            return s.sorted().toList();
        }
    }

    @Test
    void theSecondTimeNothingIsComputed() throws IOException {
        Counting slow = new Counting("a");
        FeatureCache cache = new FeatureCache(slow, dir);
        float[] first = ask(cache, texts(2500));
        assertThat(slow.asked.get()).isEqualTo(2500);
        assertThat(blocks()).hasSize(3);
        assertThat(ask(new FeatureCache(slow, dir), texts(2500)))
                .isEqualTo(first)
                .isEqualTo(ask(slow, texts(2500)));
        assertThat(slow.asked.get()).isEqualTo(5000);
        // rows appended at the end leave the whole blocks before them valid
        ask(cache, texts(2501));
        assertThat(slow.asked.get()).isEqualTo(5000 + 453);
    }

    @Test
    void otherTextsAndOtherEncodersAreComputedAnew() {
        Counting a = new Counting("a");
        Counting b = new Counting("b");
        ask(new FeatureCache(a, dir), texts(3));
        ask(new FeatureCache(b, dir), texts(3));
        assertThat(b.asked.get()).isEqualTo(3);
        ask(new FeatureCache(a, dir), Inputs.of(List.of("text 0", "text 1", "text 3")));
        // the same letters cut otherwise
        ask(new FeatureCache(a, dir), Inputs.of(List.of("text 0t", "ext 1", "text 3")));
        assertThat(a.asked.get()).isEqualTo(9);
    }

    @Test
    void aDamagedBlockIsFoundAndComputedAgain() throws IOException {
        Counting slow = new Counting("a");
        FeatureCache cache = new FeatureCache(slow, dir);
        float[] right = ask(cache, texts(5));
        Path block = blocks().get(0);
        byte[] whole = Files.readAllBytes(block);
        int asked = 5;
        for (int i = 0; i < whole.length; i += 5) {
            byte[] bad = whole.clone();
            bad[i] ^= 0x10;
            Files.write(block, bad);
            assertThat(ask(cache, texts(5))).isEqualTo(right);
            assertThat(slow.asked.get()).as("byte %d", i).isEqualTo(asked += 5);
            assertThat(Files.readAllBytes(block)).isEqualTo(whole);
            Files.write(block, java.util.Arrays.copyOf(whole, i));
            assertThat(ask(cache, texts(5))).isEqualTo(right);
            assertThat(slow.asked.get()).as("cut at %d", i).isEqualTo(asked += 5);
        }
    }

    @Test
    void manyWritersShareAFolder() throws Exception {
        float[] right = ask(new Counting("a"), texts(3000));
        ExecutorService pool = Executors.newFixedThreadPool(8);
        try {
            List<Future<float[]>> all = new ArrayList<>();
            for (int k = 0; k < 24; k++) {
                Callable<float[]> c = () -> ask(new FeatureCache(new Counting("a"), dir), texts(3000));
                all.add(pool.submit(c));
            }
            for (Future<float[]> f : all) {
                assertThat(f.get()).isEqualTo(right);
            }
        } finally {
            pool.shutdownNow();
        }
        assertThat(blocks()).hasSize(3).allMatch(p -> p.toString().endsWith(".feat"));
        Counting unused = new Counting("a");
        assertThat(ask(new FeatureCache(unused, dir), texts(3000))).isEqualTo(right);
        assertThat(unused.asked.get()).isZero();
    }

    @Test
    void aFolderThatCannotBeWrittenIsSaidButDoesNotStopTheWork() throws IOException {
        Path file = Files.writeString(dir.resolve("occupied"), "");
        FeatureCache cache = new FeatureCache(new Counting("a"), file.resolve("features"));
        assertThat(ask(cache, texts(2))).hasSize(4);
        assertThat(cache.problem()).contains("cannot be written").contains("occupied");
    }

    @Test
    void progressHearsOfEveryBlock() {
        List<Long> done = new ArrayList<>();
        ask(new FeatureCache(new Counting("a"), dir, (d, t, w) -> done.add(d)), texts(2100));
        assertThat(done).containsExactly(1024L, 2048L, 2100L);
    }
}
