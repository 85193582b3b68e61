package dev.holdfast.nn.prototype;

import dev.holdfast.data.Inputs;
import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Pass;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Learning vector quantisation: every class has prototypes, a row is of the class of the nearest. Certified radius: half
 * the distance by which the second-nearest class is farther.
 *
 * <p>Sato and Yamada, <i>Generalized Learning Vector Quantization</i>, 1995; certificate: Saralajew, Holdijk and Villmann,
 * <i>Fast Adversarial Robustness Certification of Nearest Prototype Classifiers for Arbitrary Seminorms</i>, 2020.
 */
public final class LvqNet implements Certifiable {
    private final Layer body;
    private final LvqHead head;
    private final ScalarType dtype;

    /**
     * @param body what brings rows into the shape [B, n]; it must have no weights and not change distances
     */
    public LvqNet(Layer body, LvqHead head, ScalarType dtype) {
        this.body = body;
        this.head = head;
        this.dtype = dtype.intern();
    }

    @Override
    public Tensor features(Inputs in, Pass pass) {
        Tensor x = in.x();
        return body.forward(x.scalar_type().intern() == dtype ? x : x.to(dtype), pass);
    }

    @Override
    public Tensor scores(Inputs in, Pass pass) {
        return head.forward(features(in, pass), pass);
    }

    @Override
    public Certificate certify(Inputs in) {
        ComponentNet.requireClasses(head.columns().size());
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            Tensor scores = scores(in, Pass.eval());
            Tensor column = scores.argmax(new LongOptional(1), false);
            Tensor radius = Certificate.ofDistances(scores.neg(), Tensors.ints(column));
            return new Certificate(s.keep(column), s.keep(radius.clamp_min(Tensors.scalar(0))), 0);
        }
    }

    @Override
    public LvqHead head() {
        return head;
    }

    @Override
    public void describe(Inventory into) {
        body.describe(into);
        head.describe(into);
    }

    @Override
    public LvqNet copy(Copier c) {
        return new LvqNet(c.part(body), c.part(head), dtype);
    }

    @Override
    public LvqNet copy() {
        return copy(new Copier());
    }
}
