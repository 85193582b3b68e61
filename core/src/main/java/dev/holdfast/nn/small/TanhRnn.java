package dev.holdfast.nn.small;

import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A recurrent encoder of token sequences (Elman, 1990): embedding, layers of {@code h_t = tanh(W x_t + U h_(t-1) + b)} that
 * run over the sequence, and the largest of every unit's values over time. Differentiable twice; safe from any thread while
 * the leaves stand still.
 *
 * @param parameters embedding [V, width], then W, U [width, width] and b [width] of every layer
 */
public record TanhRnn(Parameters parameters) {
    /** Entries of matrices are uniform within 1 / sqrt(width), of the embedding standard normal, biases zero. */
    public static TanhRnn of(int vocabulary, int width, int layers, Rng rng, ScalarType dtype) {
        if (vocabulary < 1 || width < 1 || layers < 1) {
            throw new IllegalArgumentException("A recurrent encoder needs tokens, a width and a layer but has "
                    + vocabulary + ", " + width + " and " + layers + ".");
        }
        List<ParamMeta> meta = new ArrayList<>();
        List<Tensor> leaves = new ArrayList<>();
        try (Scope s = Scope.open()) {
            meta.add(new ParamMeta("embedding", ParamMeta.Role.EMBEDDING, 1, width, true, 0));
            leaves.add(leaf(rng.child("embedding").normal(dtype, vocabulary, width)));
            for (int l = 0; l < layers; l++) {
                for (String name : List.of("w", "u")) {
                    meta.add(new ParamMeta(name + l, ParamMeta.Role.HIDDEN, width, width, true, l + 1));
                    leaves.add(leaf(rng.child(name, l)
                            .uniform(dtype, width, width)
                            .mul(Tensors.scalar(2))
                            .sub(Tensors.scalar(1))
                            .div(Tensors.scalar(Math.sqrt(width)))));
                }
                meta.add(new ParamMeta("b" + l, ParamMeta.Role.BIAS, 1, width, false, l + 1));
                leaves.add(leaf(Tensors.zeros(dtype, width)));
            }
        }
        return new TanhRnn(new Parameters(meta, leaves));
    }

    private static Tensor leaf(Tensor t) {
        return Scope.own(t.detach()).set_requires_grad(true);
    }

    /** Features [n, width] of sequences of tokens, int64 [n, T]. */
    public Tensor features(Tensor ids) {
        Tensor x = torch.embedding(parameters.get(0), ids);
        for (int l = 0; 3 * l + 1 < parameters.size(); l++) {
            // what the inputs bring is one product for all moments; only the recurrence needs them one by one
            Tensor in = x.matmul(parameters.get(3 * l + 1).t()).add(parameters.get(3 * l + 3));
            Tensor u = parameters.get(3 * l + 2).t();
            List<Tensor> states = new ArrayList<>();
            Tensor h = in.select(1, 0).tanh();
            states.add(h);
            for (long t = 1; t < ids.size(1); t++) {
                h = in.select(1, t).add(h.matmul(u)).tanh();
                states.add(h);
            }
            x = torch.stack(new TensorVector(states.toArray(new Tensor[0])), 1);
        }
        return x.amax(new long[] {1}, false);
    }
}
