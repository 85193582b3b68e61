package dev.holdfast.loss.multilabel;

import com.fasterxml.jackson.databind.JsonNode;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.data.corrupt.LongTail;
import dev.holdfast.evaluate.metric.AveragePrecision;
import dev.holdfast.loss.LossInput;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.balance.AttendingModel;
import dev.holdfast.nn.balance.GroupedCosineHead;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import dev.holdfast.testing.NativeMemory;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Everything of COMIC that has golden vectors, in double precision. */
@ExtendWith(NativeMemory.class)
class ComicGoldenTest {
    static Stream<GoldenCase> cases() {
        return Golden.cases("07-comic");
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("cases")
    void golden(GoldenCase c) {
        switch (c.kind()) {
            case "class_factor" -> classFactor(c);
            case "mfm_paper" -> paper(c);
            case "mfm_released" -> released(c);
            case "corrector" -> corrector(c);
            case "rule" -> rule(c);
            case "head_tail" -> headTail(c);
            case "balancer" -> balancer(c);
            case "attention" -> attention(c);
            case "map" -> averagePrecision(c);
            case "pareto" -> pareto(c);
            default -> c.failOnKind();
        }
        c.assertAllCompared();
    }

    private static void classFactor(GoldenCase c) {
        LabelCounts n = counts(c);
        Tensor like = Tensors.zeros(ScalarType.Double, 1);
        c.assertOutput("cube_root", n.factor(1.0 / 3, like));
        c.assertOutput("sixth_root", n.factor(1.0 / 6, like));
    }

    private static LabelCounts counts(GoldenCase c) {
        Tensor n = c.tensor("counts");
        boolean known = c.has("co_occurrence") && !c.input("co_occurrence").isNull();
        Tensor together = known ? c.tensor("co_occurrence") : Tensors.zeros(ScalarType.Double, n.size(0), n.size(0));
        return LabelCounts.of(n, together, 100);
    }

    private static void paper(GoldenCase c) {
        loss(
                c,
                new MultiFocal.Config(
                        MultiFocal.Form.PAPER,
                        c.number("gamma_pos"),
                        c.number("gamma_neg"),
                        c.number("w_pos"),
                        c.number("w_neg"),
                        1.0 / 3,
                        false,
                        true,
                        true,
                        0,
                        1));
    }

    private static void released(GoldenCase c) {
        boolean along = !c.input("co_occurrence").isNull();
        if (along) {
            c.assertOutput("attention", counts(c).attention(c.tensor("labels")));
        }
        loss(
                c,
                new MultiFocal.Config(
                        MultiFocal.Form.RELEASED,
                        c.number("gamma_pos"),
                        c.number("gamma_neg"),
                        1,
                        1,
                        1.0 / 3,
                        along,
                        true,
                        true,
                        c.number("clip"),
                        c.number("negative_boost")));
    }

    private static void loss(GoldenCase c, MultiFocal.Config config) {
        Tensor z = leaf(c.tensor("logits"));
        Tensor loss = new MultiFocal(config, counts(c))
                .value(input(z, c.tensor("labels"), 0))
                .total(null);
        c.assertOutput("loss", Tensors.item(loss));
        c.assertOutput("grad", Autograd.grad(loss, leaves(z), false).get(0));
    }

    static LossInput input(Tensor z, Tensor y, int epoch) {
        long[] ids = LongStream.range(0, z.size(0)).toArray();
        return new LossInput(
                z, new Target.MultiLabel(y, null), new Rows(ids, null, null, epoch, 0), ClassIndex.numbered((int)
                        z.size(1)));
    }

    private static void corrector(GoldenCase c) {
        LabelCorrector.Config r = LabelCorrector.Config.released();
        LabelCorrector.Config config = new LabelCorrector.Config(
                c.number("tau"),
                c.number("margin"),
                r.mean(),
                r.momentum(),
                r.share(),
                c.integer("batch_constant"),
                r.from(),
                r.loss());
        LabelCounts given = counts(c);
        LabelCorrector loss = new LabelCorrector(config, given, given.counts().length);
        List<Object> batches = new ArrayList<>();
        for (JsonNode b : c.input("batches")) {
            Tensor z = leaf(Golden.tensor(b.get("logits")));
            Tensor y = Golden.tensor(b.get("labels"));
            LossInput in = input(z, y, b.get("epoch").intValue());
            loss.observe(in);
            Tensor total = loss.value(in).total(null);
            Map<String, Object> out = new LinkedHashMap<>();
            out.put("corrected", y.add(loss.recalled(z, y)));
            out.put("counts", loss.counts().counts());
            out.put("class_factor", loss.counts().factor(1.0 / 6, z));
            out.put("loss", Tensors.item(total));
            out.put("grad", Autograd.grad(total, leaves(z), false).get(0));
            batches.add(out);
        }
        c.assertOutput("batches", batches);
    }

    private static void rule(GoldenCase c) {
        c.assertOutput(
                "pseudo",
                LabelCorrector.recalled(
                        c.tensor("probs"), c.tensor("labels"), c.tensor("class_mean"), c.number("tau")));
    }

    private static void headTail(GoldenCase c) {
        Tensor x = c.tensor("x");
        Tensor w = c.tensor("weight");
        GroupedCosineHead head = new GroupedCosineHead.Spec(
                        c.number("rho"), c.number("eta"), c.integer("groups"), c.number("mu"))
                .build("head", x.size(1), ClassIndex.numbered((int) w.size(0)), Rng.of(1), ScalarType.Double);
        head.assign(w);
        for (JsonNode b : c.input("feature_batches")) {
            head.follow(Golden.tensor(b));
        }
        c.assertOutput("moving_vector", head.direction());
        c.assertOutput("plain", head.forward(x, Pass.eval()));
        c.assertOutput("head", head.biased(x, c.number("head_coef"), Pass.eval()));
        c.assertOutput("tail", head.biased(x, c.number("tail_coef"), Pass.eval()));
    }

    private static void balancer(GoldenCase c) {
        Tensor z = leaf(c.tensor("balanced"));
        HeadTailBalance b = HeadTailBalance.of(
                new MultiFocal.Config(),
                c.tensor("head"),
                c.tensor("tail"),
                z,
                c.tensor("labels"),
                counts(c),
                c.number("alpha"));
        c.assertOutput("kappa_head", Tensors.item(b.head()));
        c.assertOutput("kappa_tail", Tensors.item(b.tail()));
        c.assertOutput("loss", Tensors.item(b.total()));
        c.assertOutput(
                "grad_balanced", Autograd.grad(b.total(), leaves(z), false).get(0));
    }

    private static void attention(GoldenCase c) {
        c.assertOutput(
                "out",
                AttendingModel.attend(
                        c.tensor("query"), c.tensor("keys"), c.tensor("Wq"), c.tensor("Wk"), c.tensor("v")));
    }

    private static void averagePrecision(GoldenCase c) {
        AveragePrecision ap = AveragePrecision.of(c.tensor("scores"), c.tensor("labels"));
        AveragePrecision.Shots s = ap.by(c.vector("class_counts"), c.number("many"), c.number("few"));
        c.assertOutput("ap", ap.each());
        c.assertOutput("total", 100 * s.total());
        c.assertOutput("many", 100 * s.many());
        c.assertOutput("medium", 100 * s.medium());
        c.assertOutput("few", 100 * s.few());
    }

    private static void pareto(GoldenCase c) {
        Pattern p = Pattern.compile("b(\\d+)_max(\\d+)_min(\\d+)_n(\\d+)");
        for (JsonNode setting : c.input("settings")) {
            Matcher m = p.matcher(setting.textValue());
            if (!m.matches()) {
                throw new AssertionError("Cannot read the setting " + setting);
            }
            long[] r = LongTail.pareto(
                    Integer.parseInt(m.group(1)),
                    Integer.parseInt(m.group(2)),
                    Integer.parseInt(m.group(3)),
                    Integer.parseInt(m.group(4)));
            c.assertOutput(
                    setting.textValue(), LongStream.of(r).asDoubleStream().toArray());
        }
    }

    static Tensor leaf(Tensor t) {
        t.set_requires_grad(true);
        return t;
    }

    static Parameters leaves(Tensor t) {
        return new Parameters(List.of(new ParamMeta("z", ParamMeta.Role.OTHER, 1, 1, false, 0)), List.of(t));
    }
}
