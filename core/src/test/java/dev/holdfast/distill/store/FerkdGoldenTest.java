package dev.holdfast.distill.store;

import com.fasterxml.jackson.databind.JsonNode;
import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.data.augment.CutMix;
import dev.holdfast.data.augment.SelfMix;
import dev.holdfast.distill.store.LabelAdaptation.Region;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import dev.holdfast.testing.NativeMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Labels, their cleaning, the loss and SelfMix against golden vectors. */
@ExtendWith(NativeMemory.class)
class FerkdGoldenTest {
    static Stream<GoldenCase> cases() {
        return Golden.cases("60-ferkd");
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("cases")
    void golden(GoldenCase c) {
        switch (c.kind()) {
            case "recover" -> recover(c);
            case "adapt" -> adapt(c);
            case "selfmix_cut" -> {
                int[] rows = c.ints("rows");
                int[] columns = c.ints("cols");
                CutMix.Box box = new CutMix.Box(rows[0], rows[1], columns[0], columns[1]);
                Batch b = crops(c);
                c.assertOutput("lam", SelfMix.outside(box, (int) b.inputs().x().size(2), (int)
                        b.inputs().x().size(3)));
                mixed(c, new SelfMix().cut(b, box, c.ints("partner")));
            }
            case "selfmix_up" -> mixed(c, new SelfMix().up(crops(c), c.number("lam"), c.ints("partner")));
            case "box" -> {
                List<int[]> boxes = new ArrayList<>();
                List<Double> own = new ArrayList<>();
                for (JsonNode n : c.input("height_width_lam_cy_cx")) {
                    double[] v = Golden.vector(n);
                    CutMix.Box box = SelfMix.box((int) v[0], (int) v[1], v[2], (int) v[3], (int) v[4]);
                    boxes.add(new int[] {box.top(), box.bottom(), box.left(), box.right()});
                    own.add(SelfMix.outside(box, (int) v[0], (int) v[1]));
                }
                c.assertOutput("box", boxes);
                c.assertOutput("lam", own);
            }
            default -> c.failOnKind();
        }
        c.assertAllCompared();
    }

    private static void recover(GoldenCase c) {
        Compression.Kind kind = Compression.Kind.valueOf(c.text("kind").toUpperCase(Locale.ROOT));
        Tensor index = Tensors.of(Arrays.stream(c.matrix("top_index"))
                        .map(r -> Arrays.stream(r).toArray())
                        .toArray(double[][]::new))
                .to(torch.ScalarType.Long);
        Tensor value = c.tensor("top_value");
        int k = kind == Compression.Kind.HARD || kind == Compression.Kind.SMOOTHING ? 1 : (int) value.size(1);
        c.assertOutput(
                "label", new Compression(kind, k).recover(new Compression.Kept(index, value), c.integer("classes")));
    }

    private static void adapt(GoldenCase c) {
        Tensor soft = c.tensor("soft");
        int classes = (int) soft.size(1);
        int[] y = c.ints("y");
        LabelAdaptation a = LabelAdaptation.absolute(c.number("t_low"), c.number("t_mid"), c.number("t_top"))
                .withEpsilon(c.number("epsilon"));
        Region[] region =
                Arrays.stream(c.vector("confidence")).mapToObj(a::region).toArray(Region[]::new);
        boolean[] hard = new boolean[y.length];
        double[] kept = new double[y.length];
        int[] code = new int[y.length];
        for (int i = 0; i < y.length; i++) {
            hard[i] = region[i] == Region.HARD;
            kept[i] = region[i].kept() ? 1 : 0;
            code[i] = region[i].kept() ? region[i].ordinal() : 0;
        }
        Tensor label = LabelAdaptation.teachTruth(soft, hard, y, c.number("epsilon"));
        c.assertOutput("label", label);
        c.assertOutput("kept", kept);
        c.assertOutput("region", code);
        Tensor z = c.tensor("logits").set_requires_grad(true);
        LossValue loss = new CrossEntropy(0, LossValue.Reduction.MEAN_KEPT)
                .value(new LossInput(
                        z, new Target.Soft(label), Rows.of(new long[y.length]), ClassIndex.numbered(classes)));
        Tensor total = loss.total(Tensors.of(kept, kept.length));
        c.assertOutput("loss", total.item_double());
        if (c.expects("per_crop")) {
            c.assertOutput("per_crop", loss.perSample());
        }
        if (c.expects("grad")) {
            TensorVector g = torch.grad(new TensorVector(total), new TensorVector(z));
            c.assertOutput("grad", new Tensor(g.get(0)));
        }
    }

    private static Batch crops(GoldenCase c) {
        long[] ids = Arrays.stream(c.ints("image_of_crop")).asLongStream().toArray();
        return new Batch(Inputs.of(c.tensor("x")), new Target.Soft(c.tensor("labels")), Rows.of(ids));
    }

    private static void mixed(GoldenCase c, Batch b) {
        c.assertOutput("x", b.inputs().x());
        c.assertOutput("labels", ((Target.Soft) b.target()).p());
    }
}
