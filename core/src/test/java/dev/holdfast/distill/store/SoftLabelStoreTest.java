package dev.holdfast.distill.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.Dataset;
import dev.holdfast.data.source.Progress;
import dev.holdfast.distill.store.Compression.Kind;
import dev.holdfast.distill.store.LabelAdaptation.Confidence;
import dev.holdfast.distill.store.LabelAdaptation.Region;
import dev.holdfast.distill.store.LabelAdaptation.Thresholds;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Safetensors;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(NativeMemory.class)
class SoftLabelStoreTest {
    @TempDir
    Path dir;

    private static SoftLabelStore store(Dataset images, Compression c, boolean half) {
        return SoftLabelStore.record(images, StoreBed::teacher, StoreBed.config(c, half), Rng.of(5), Progress.NONE);
    }

    private static int[] all(SoftLabelStore s) {
        return IntStream.range(0, s.images() * s.config().crops()).toArray();
    }

    private static Tensor cut(SoftLabelStore s, Dataset images, int... at) {
        int[] rows = IntStream.range(0, (int) images.size()).toArray();
        int[] imageOf = Arrays.stream(at).map(a -> a / s.config().crops()).toArray();
        return s.config().crop().cut(images.rows(rows).inputs().x(), imageOf, s.regions(at));
    }

    @Test
    void everyKindOfLabelSumsToOneAndKeepsTheTeachersClass() {
        Dataset images = StoreBed.images(12, Rng.of(1));
        List<Compression> kinds = List.of(
                new Compression(Kind.HARD, 1),
                new Compression(Kind.SMOOTHING, 1),
                Compression.top(2),
                new Compression(Kind.MARGINAL_RENORM, 2),
                Compression.full());
        for (Compression c : kinds) {
            for (boolean half : new boolean[] {false, true}) {
                SoftLabelStore s = store(images, c, half);
                Tensor labels = s.labels(all(s));
                Tensor said = StoreBed.teacher(cut(s, images, all(s)));
                assertThat(Arrays.stream(Tensors.doubles(labels.sum(1)))).allMatch(t -> Math.abs(t - 1) < 1e-6);
                double off = labels.sub(said).abs().max().item_double();
                if (c.kind() == Kind.FULL || c.kind() == Kind.MARGINAL_SMOOTHING) {
                    // k = C - 1 leaves the rest to one class: nothing is lost
                    assertThat(off).isLessThan(half ? 1e-3 : 1e-6);
                } else {
                    assertThat(off).isGreaterThan(1e-3);
                }
            }
        }
    }

    @Test
    void topOfAllButOneClassIsTheWholeLabelToTheLastBits() {
        Tensor p = Rng.of(3).normal(ScalarType.Double, 20, 5).softmax(1);
        Compression c = Compression.top(4);
        assertThat(c.recover(c.keep(p), 5).sub(p).abs().max().item_double()).isLessThan(1e-15);
    }

    @Test
    void replayedRegionsAreThoseThatTheTeacherSawBitForBit() throws IOException {
        Dataset images = StoreBed.images(9, Rng.of(1));
        for (boolean half : new boolean[] {false, true}) {
            List<byte[]> seen = new ArrayList<>();
            SoftLabelStore s = SoftLabelStore.record(
                    images,
                    x -> {
                        seen.add(Tensors.bytes(x));
                        return StoreBed.teacher(x);
                    },
                    StoreBed.config(Compression.top(2), half),
                    Rng.of(5),
                    Progress.NONE);
            assertThat(seen).hasSize(1);
            assertThat(Tensors.bytes(cut(s, images, all(s)))).isEqualTo(seen.get(0));
            s.write(dir.resolve("store"));
            SoftLabelStore again = SoftLabelStore.read(dir.resolve("store"));
            int size = seen.get(0).length / all(s).length;
            // alone, and in another order
            for (int at : new int[] {53, 0, 17}) {
                assertThat(Tensors.bytes(cut(again, images, at)))
                        .isEqualTo(Arrays.copyOfRange(seen.get(0), at * size, (at + 1) * size));
            }
        }
    }

    @Test
    void regionsOfAnImageDependOnItsIdAloneAndTwoSeedsDiffer() {
        Dataset images = StoreBed.images(9, Rng.of(1));
        SoftLabelStore whole = store(images, Compression.top(2), false);
        SoftLabelStore part = store(images.subset(7, 2), Compression.top(2), false);
        assertThat(part.regions(0, 1).box()).isEqualTo(whole.regions(42, 43).box());
        assertThat(whole.regions(0).box()).isNotEqualTo(whole.regions(6).box());
        assertThat(whole.image(107)).isEqualTo(7);
    }

    @Test
    void anotherTeacherLabelsTheSameRegions() {
        Dataset images = StoreBed.images(9, Rng.of(1));
        SoftLabelStore s = store(images, Compression.top(2), false);
        SoftLabelStore other = s.relabel(images, x -> StoreBed.teacher(x).flip(1), Compression.full(), Progress.NONE);
        assertThat(other.regions(all(s)).box()).isEqualTo(s.regions(all(s)).box());
        assertThat(other.labels(all(s))
                        .sub(s.labels(all(s)).flip(1))
                        .abs()
                        .max()
                        .item_double())
                .isLessThan(1e-6);
    }

    @Test
    void withOpenThresholdsNothingChanges() {
        Dataset images = StoreBed.images(9, Rng.of(1));
        SoftLabelStore s = store(images, Compression.top(2), false);
        SoftLabelStore same = s.adapt(LabelAdaptation.none(), images);
        assertThat(Tensors.bytes(same.labels(all(s)))).isEqualTo(Tensors.bytes(s.labels(all(s))));
        for (int i = 0; i < 9; i++) {
            assertThat(same.kept(i)).isEqualTo(s.kept(i)).hasSize(6);
        }
    }

    @Test
    void adaptingTwiceIsAdaptingOnce() {
        Dataset images = StoreBed.images(30, Rng.of(1));
        SoftLabelStore s = store(images, Compression.top(2), false);
        for (Confidence c : Confidence.values()) {
            for (LabelAdaptation a : List.of(
                    new LabelAdaptation(Thresholds.ABSOLUTE, 0.5, 0.7, 0.9, 0.1, c),
                    new LabelAdaptation(Thresholds.QUANTILE, 0.1, 0.5, 0.9, 0.2, c))) {
                SoftLabelStore once = s.adapt(a, images);
                SoftLabelStore twice = once.adapt(a, images);
                assertThat(Tensors.bytes(twice.labels(all(s)))).isEqualTo(Tensors.bytes(once.labels(all(s))));
                int hard = 0;
                for (int at : all(s)) {
                    assertThat(twice.region(at)).isEqualTo(once.region(at));
                    hard += once.region(at) == Region.HARD ? 1 : 0;
                }
                assertThat(hard).isPositive();
            }
        }
    }

    @Test
    void quantilesDiscardTheirShares() {
        Dataset images = StoreBed.images(60, Rng.of(1));
        SoftLabelStore s = store(images, Compression.full(), false);
        RegionReport r = s.adapt(LabelAdaptation.defaults(), images).report(images);
        long n = 360;
        assertThat(r.all().count(Region.HOPELESS) + r.rescued()).isCloseTo(n / 20, within(2L + r.rescued()));
        assertThat(r.all().count(Region.TRIVIAL)).isCloseTo(n / 10, within(2L + r.rescued()));
        assertThat(Arrays.stream(r.all().regions()).sum()).isEqualTo(n);
        for (List<RegionReport.Line> lines : List.of(r.byClass(), r.bySize())) {
            for (Region kind : Region.values()) {
                assertThat(lines.stream().mapToLong(l -> l.count(kind)).sum())
                        .isEqualTo(r.all().count(kind));
            }
        }
        assertThat(r.text()).contains("Thresholds", "hopeless", "area up to 1/4");
    }

    @Test
    void anImageOfDiscardedRegionsKeepsItsMedianAsTheTrueClass() {
        Dataset images = StoreBed.images(6, Rng.of(1));
        SoftLabelStore s = store(images, Compression.full(), false);
        // nobody is so unsure
        SoftLabelStore none = s.adapt(LabelAdaptation.absolute(0, 0, 0), images);
        double[] sure = s.confidences(Confidence.MAX, null);
        for (int i = 0; i < 6; i++) {
            assertThat(none.kept(i)).hasSize(1);
            int at = none.kept(i)[0];
            double own = sure[at];
            // the third of six in order; two regions may be equally sure
            assertThat(own)
                    .isEqualTo(Arrays.stream(sure, 6 * i, 6 * i + 6).sorted().toArray()[2]);
            assertThat(Tensors.doubles(none.labels(at))[i % 3]).isCloseTo(0.9, within(1e-6));
        }
        assertThat(none.report(images).rescued()).isEqualTo(6);
    }

    @Test
    void aFileGivesBackTheStoreAndItsCleaning() throws IOException {
        Dataset images = StoreBed.images(12, Rng.of(1));
        for (Kind kind : Kind.values()) {
            Compression c = new Compression(kind, kind.name().startsWith("MARGINAL") ? 2 : 1);
            SoftLabelStore s = store(images, c, kind == Kind.FULL)
                    .adapt(LabelAdaptation.defaults().withEpsilon(0.3), images);
            Path file = dir.resolve(kind.name());
            s.write(file);
            SoftLabelStore t = SoftLabelStore.read(file);
            assertThat(t.config()).isEqualTo(s.config());
            assertThat(t.classes()).isEqualTo(s.classes());
            assertThat(t.adaptation()).isEqualTo(s.adaptation());
            assertThat(Tensors.bytes(t.labels(all(s)))).isEqualTo(Tensors.bytes(s.labels(all(s))));
            assertThat(t.report(images).text()).isEqualTo(s.report(images).text());
            byte[] before = Files.readAllBytes(file);
            t.write(file);
            assertThat(Files.readAllBytes(file)).isEqualTo(before);
        }
    }

    @Test
    void aDamagedFileIsRefusedWhereverTheDamageIsAndStaysAsItIs() throws IOException {
        Dataset images = StoreBed.images(6, Rng.of(1));
        Path file = dir.resolve("store");
        store(images, Compression.top(2), false)
                .adapt(LabelAdaptation.defaults(), images)
                .write(file);
        byte[] good = Files.readAllBytes(file);
        for (int at = 0; at < good.length; at += 7) {
            byte[] bad = good.clone();
            bad[at] ^= 0x10;
            Files.write(file, bad);
            assertThatThrownBy(() -> SoftLabelStore.read(file))
                    .as("byte " + at)
                    .isInstanceOfAny(IOException.class, IllegalArgumentException.class)
                    .hasMessageContaining(file.toString());
            assertThat(Files.readAllBytes(file)).isEqualTo(bad);
        }
        Files.write(file, Arrays.copyOf(good, good.length - 5));
        assertThatThrownBy(() -> SoftLabelStore.read(file)).isInstanceOf(IOException.class);
    }

    @Test
    void foreignAndNewerFilesAreToldApart() throws IOException {
        Path file = dir.resolve("store");
        Safetensors.write(file, new State().put("format", "something else"));
        assertThatThrownBy(() -> SoftLabelStore.read(file)).hasMessageContaining("no store of soft labels");
        Safetensors.write(
                file, new State().put("format", "holdfast soft labels").put("version", 2));
        assertThatThrownBy(() -> SoftLabelStore.read(file)).hasMessageContaining("version 2");
    }

    @Test
    void wrongInputIsRefusedInWords() {
        Dataset images = StoreBed.images(6, Rng.of(1));
        SoftLabelStore s = store(images, Compression.top(2), false);
        assertThatThrownBy(() -> store(images, Compression.top(3), false)).hasMessageContaining("k = 3");
        assertThatThrownBy(() -> LabelAdaptation.absolute(0.5, 0.4, 0.9)).hasMessageContaining("low <= mid");
        assertThatThrownBy(() -> s.adapt(LabelAdaptation.defaults(), images.subset(0, 1)))
                .hasMessageContaining("lack 4 of the store's 6 images");
        assertThatThrownBy(() -> SoftLabelStore.record(
                        images,
                        x -> StoreBed.teacher(x).log(),
                        StoreBed.config(Compression.top(2), false),
                        Rng.of(1),
                        Progress.NONE))
                .hasMessageContaining("softmax");
        assertThatThrownBy(() -> s.image(5)).hasMessageContaining("id 5");
    }
}
