package dev.holdfast.learner;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.model.Classifier;
import dev.holdfast.nn.quant.Grid;
import dev.holdfast.nn.quant.QuantisedWeight;
import dev.holdfast.nn.weight.Surgery;
import dev.holdfast.nn.weight.WeightNorm;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.registry.ConfigBinder;
import dev.holdfast.run.StepReport;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class NetTest {
    private final MemoryDataset data = Clouds.of(4, 5, 3, 1, "train");

    private Net net(long seed) {
        return new Net(NetConfig.defaults(), data.schema(), Rng.of(seed).child("net"));
    }

    private static StepReport learn(Net n, Batch b) {
        n.admit(b);
        Tensor loss = n.crossEntropy(n.scores(b.inputs(), n.pass()), b);
        return n.report(loss, b.size(), n.descend(loss));
    }

    @Test
    void classesGetAColumnWhenTheyFirstAppear() {
        Net n = net(1);
        assertThat(n.columns().size()).isZero();
        n.admit(data.rows(2, 0, 2).withTask(5));
        assertThat(n.columns().columns())
                .containsExactly(new ClassIndex.Column(2, "2", 0, 5), new ClassIndex.Column(0, "0", 0, 5));
        Tensor before = n.model().head().forward(Tensors.zeros(ScalarType.Float, 1, 100), n.pass());
        n.admit(data.rows(1));
        Tensor after = n.model().head().forward(Tensors.zeros(ScalarType.Float, 1, 100), n.pass());
        assertThat(Tensors.bytes(Tensors.slice(after, 1, 0, 2).contiguous())).containsExactly(Tensors.bytes(before));
        NetConfig d = NetConfig.defaults();
        Net all = new Net(new NetConfig(d.backbone(), d.optimizer(), true), data.schema(), Rng.of(1));
        assertThat(all.columns().size()).isEqualTo(4);
    }

    @Test
    void theBackboneFollowsTheData() {
        assertThat(net(1).footprint(0).shape()).startsWith("MLP [100, 100]");
        Schema large = Schema.images(3, 20, 20, ClassIndex.numbered(2));
        Net n = new Net(NetConfig.defaults(), large, Rng.of(1));
        assertThat(n.footprint(7).shape()).startsWith("ConvNet");
        assertThat(((Classifier) n.model()).body()).isNotNull();
        BackboneConfig vit = new BackboneConfig(BackboneConfig.Kind.VIT, List.of(), Init.KAIMING_UNIFORM);
        assertThatThrownBy(() -> vit.build(data.schema(), Rng.of(1)))
                .hasMessageContaining("needs images")
                .hasMessageContaining("MLP");
        Schema text = Schema.of(
                new Schema.Field("t", Schema.Field.Kind.TEXT, List.of(), 0),
                Target.ClassIds.class,
                ClassIndex.numbered(2));
        assertThatThrownBy(() -> BackboneConfig.auto().build(text, Rng.of(1))).hasMessageContaining("encoded");
    }

    /** Hidden maps compute in few bits, the head does not; a resumed network goes on with the same bits. */
    @Test
    void aNetworkCanComputeInFewBits() {
        NetConfig d = NetConfig.defaults();
        NetConfig few = ConfigBinder.set(
                d, Map.of("backbone.precision", "int4", "optimizer.kind", "stable_spam", "optimizer.resetSteps", "5"));
        Net n = new Net(few, data.schema(), Rng.of(1));
        assertThat(n.footprint(0).shape()).startsWith("MLP [100, 100] in INT4");
        for (int i = 0; i < 12; i++) {
            learn(n, data.rows(0, 1, 2, 3, 4, 5, 6, 7));
        }
        for (Site s : Inventory.of(n.model()).sites()) {
            boolean map = s.name().startsWith("fc.") && !s.name().endsWith(".bias");
            assertThat(s.source() instanceof QuantisedWeight).as(s.name()).isEqualTo(map);
        }
        Net second = new Net(few, data.schema(), Rng.of(1));
        second.admit(data.rows(0, 1, 2, 3));
        second.load(n.state().copy());
        learn(n, data.rows(3, 2, 1));
        learn(second, data.rows(3, 2, 1));
        assertThat(second.state().sameAs(n.state())).isTrue();
        // the same weights in full precision are another network
        Net full = new Net(d, data.schema(), Rng.of(1));
        full.admit(data.rows(0, 1, 2, 3));
        State before = full.state().copy();
        assertThatThrownBy(() -> full.load(n.state().copy())).hasMessageContaining("fc.0.source");
        assertThat(full.state().sameAs(before)).isTrue();
    }

    @Test
    void fewBitsWhereTheyHaveNoPlaceAreRefused() {
        BackboneConfig few = BackboneConfig.auto().withPrecision(Grid.FP4_E2M1);
        Schema images = Schema.images(3, 40, 40, ClassIndex.numbered(2));
        assertThatThrownBy(() -> few.build(images, Rng.of(1)))
                .hasMessageContaining("FP4_E2M1")
                .hasMessageContaining("CONVNET")
                .hasMessageContaining("MLP");
        NetConfig config = new NetConfig(few, OptimizerConfig.adam(1e-3), false);
        assertThatThrownBy(() -> new Net(config, data.schema(), Rng.of(1), m -> {
                    Surgery.start().rule(Surgery.named("fc.0"), WeightNorm::of).apply(m);
                    return m;
                }))
                .hasMessageContaining("'fc.0'")
                .hasMessageContaining("weight norm")
                .hasMessageContaining("precision=FULL");
    }

    @Test
    void aStepThatIsNotFiniteIsReportedAndMovesNothing() {
        Net n = net(1);
        learn(n, data.rows(0, 1));
        State before = n.model().state().copy();
        Batch b = data.rows(0, 1);
        Tensor loss = n.crossEntropy(n.scores(b.inputs(), n.pass()), b).mul(Tensors.scalar(Double.NaN));
        StepReport r = n.report(loss, 2, n.descend(loss));
        assertThat(r.events()).extracting(StepReport.Event::kind).containsExactly(StepReport.Event.Kind.STEP_SKIPPED);
        assertThat(n.model().state().sameAs(before)).isTrue();
    }

    @Test
    void weightsOfRowsCount() {
        Net n = net(1);
        Batch b = data.rows(0, 1, 2);
        n.admit(b);
        Tensor scores = n.scores(b.inputs(), n.pass());
        Batch first = new Batch(
                b.inputs(), b.target(), new Rows(b.rows().ids(), Tensors.of(new float[] {1, 0, 0}, 3), null, 0, 0));
        Batch alone = b.rows(0);
        assertThat(n.crossEntropy(scores, first).item_double() * 3)
                .isCloseTo(
                        n.crossEntropy(Tensors.slice(scores, 0, 1), alone).item_double(),
                        org.assertj.core.api.Assertions.within(1e-5));
    }

    @Test
    void drawsBelongToTheStep() {
        Net n = net(1);
        double before = n.draws("memory").next();
        assertThat(n.draws("memory").next()).isEqualTo(before);
        assertThat(n.draws("pass").next()).isNotEqualTo(before);
        learn(n, data.rows(0));
        assertThat(n.draws("memory").next()).isNotEqualTo(before);
        assertThat(n.step()).isEqualTo(1);
    }

    @Test
    void aSavedNetworkGoesOnWithTheSameBits() {
        Net a = net(1);
        learn(a, data.rows(0, 1));
        Net b = net(1);
        State saved = a.state().copy();
        b.load(saved);
        assertThat(b.state().sameAs(saved)).isTrue();
        for (Net n : List.of(a, b)) {
            learn(n, data.rows(2, 3, 4));
        }
        assertThat(b.state().sameAs(a.state())).isTrue();
        // back to fewer columns
        b.load(saved);
        assertThat(b.columns().size()).isEqualTo(2);
        learn(b, data.rows(2, 3, 4));
        assertThat(b.state().sameAs(a.state())).isTrue();
    }

    @Test
    void foreignStatesAreRefusedAndChangeNothing() {
        Net n = net(1);
        learn(n, data.rows(0, 1));
        State before = n.state().copy();
        assertThatThrownBy(() -> n.load(net(2).state())).hasMessageContaining("another seed");
        Net sgd = new Net(
                new NetConfig(BackboneConfig.auto(), OptimizerConfig.sgd(0.1), false),
                data.schema(),
                Rng.of(1).child("net"));
        learn(sgd, data.rows(2, 3));
        assertThatThrownBy(() -> n.load(sgd.state())).isInstanceOf(IllegalArgumentException.class);
        assertThat(n.state().sameAs(before)).isTrue();
    }

    @Test
    void aTeacherSharesNothing() {
        Net n = net(1);
        learn(n, data.rows(0, 1));
        var teacher = n.teacher();
        State before = teacher.state().copy();
        learn(n, data.rows(0, 1));
        assertThat(teacher.state().sameAs(before)).isTrue();
    }

    @Test
    void theDoorNamesWhatIsWrong() {
        Admission a = new Admission(data.schema());
        Batch b = data.rows(0, 1);
        assertThatThrownBy(() -> a.labelled(data.rows())).hasMessageContaining("without rows");
        assertThatThrownBy(() -> a.labelled(new Batch(b.inputs(), Target.ClassIds.of(0, 9), Rows.of(7, 8))))
                .hasMessageContaining("Row 1 (id 8)")
                .hasMessageContaining("class 9");
        assertThatThrownBy(() -> a.labelled(new Batch(b.inputs(), new Target.None(), Rows.of(7, 8))))
                .hasMessageContaining("None");
        assertThatThrownBy(() -> a.inputs(Inputs.of(Tensors.zeros(ScalarType.Float, 2, 5))))
                .hasMessageContaining("[5]")
                .hasMessageContaining("[3]");
        Rows light = new Rows(new long[] {7, 8}, Tensors.of(new float[] {1, -2}, 2), null, 0, 0);
        assertThatThrownBy(() -> a.labelled(new Batch(b.inputs(), b.target(), light)))
                .hasMessageContaining("Row 1")
                .hasMessageContaining("-2");
        Rows none = new Rows(new long[] {7, 8}, Tensors.of(new float[] {1, Float.NaN}, 2), null, 0, 0);
        assertThatThrownBy(() -> a.labelled(new Batch(b.inputs(), b.target(), none)))
                .hasMessageContaining("NaN");
        // doubles are as good as tensors
        a.labelled(new Batch(Inputs.of(new double[][] {{1, 2, 3}, {4, 5, 6}}), b.target(), b.rows()));
    }

    @Test
    void capabilitiesAreASet() {
        Capabilities c = Capabilities.of(Trait.REREADS, Trait.BOUNDED_MEMORY);
        assertThat(c.has(Trait.REREADS)).isTrue();
        assertThat(c.has(Trait.ONE_PASS)).isFalse();
        assertThat(c).isEqualTo(Capabilities.of(Trait.BOUNDED_MEMORY, Trait.REREADS));
        assertThat(Capabilities.of().traits()).isEmpty();
        assertThatThrownBy(() -> c.traits().add(Trait.ONE_PASS)).isInstanceOf(UnsupportedOperationException.class);
    }

    @Test
    void networksGetWiderWhereTheyHaveWidths() {
        Schema images = Schema.images(1, 40, 40, ClassIndex.numbered(2));
        BackboneConfig auto = BackboneConfig.auto();
        assertThat(auto.widened(2, images).widths()).containsExactly(32, 64, 128);
        assertThat(auto.widened(0.5, Schema.vectors(3, ClassIndex.numbered(2))).widths())
                .containsExactly(50, 50);
        assertThat(auto.widened(1, images)).isSameAs(auto);
        assertThatThrownBy(() -> BackboneConfig.linear().widened(2, images))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("LINEAR");
        assertThatThrownBy(() -> auto.widened(0, images)).hasMessageContaining("0.0 times");
    }
}
