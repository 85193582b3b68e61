package dev.holdfast.nn.model;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Part;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.layer.Activation;
import dev.holdfast.nn.layer.Fresh;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.layer.Linear;
import dev.holdfast.nn.layer.Sequence;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A variational autoencoder of fully connected layers with ReLU, a standard normal prior and a normal posterior with
 * independent entries. Kingma, Welling, <i>Auto-Encoding Variational Bayes</i>, arXiv 1312.6114.
 */
public final class Vae implements Part {
    private static final long NO_REDUCTION = 0;

    /** How a row depends on what is decoded. */
    public enum Likelihood {
        /** Numbers in [0, 1] are probabilities of independent coins: for pixels. */
        BERNOULLI,
        /** Independent normal numbers of variance 1: for standardised rows. */
        GAUSSIAN
    }

    /**
     * @param input numbers in a row
     * @param hidden widths of the encoder's hidden layers; the decoder has them in reverse
     * @param latent numbers in a code
     */
    public record Spec(long input, List<Integer> hidden, int latent, Likelihood likelihood) {
        public Spec {
            hidden = List.copyOf(hidden);
            if (input < 1 || latent < 1 || hidden.stream().anyMatch(h -> h < 1)) {
                throw new IllegalArgumentException("A variational autoencoder needs input, latent and all hidden widths"
                        + " >= 1 but has " + input + ", " + latent + " and " + hidden + ".");
            }
        }

        /** A fresh one. */
        public Vae build(Rng rng, ScalarType dtype) {
            Fresh fresh = new Fresh(rng, dtype, Init.KAIMING_UNIFORM);
            List<Long> up = new ArrayList<>(List.of(input));
            hidden.forEach(h -> up.add((long) h));
            List<Long> down = new ArrayList<>(up);
            Collections.reverse(down);
            up.add(2L * latent);
            down.add(0, (long) latent);
            return new Vae(this, layers("encoder", up, fresh), layers("decoder", down, fresh));
        }

        private static Layer layers(String name, List<Long> widths, Fresh fresh) {
            List<Layer> all = new ArrayList<>();
            for (int i = 0; i + 1 < widths.size(); i++) {
                all.add(new Linear(name + "." + i, widths.get(i), widths.get(i + 1), true, fresh.at(i)));
                all.add(i + 2 < widths.size() ? Activation.RELU : null);
            }
            return new Sequence(name, all);
        }
    }

    private final Spec spec;
    private final Layer encoder;
    private final Layer decoder;

    private Vae(Spec spec, Layer encoder, Layer decoder) {
        this.spec = spec;
        this.encoder = encoder;
        this.decoder = decoder;
    }

    public Spec spec() {
        return spec;
    }

    /** Mean and logarithm of the variance of the posterior side by side [n, 2 latent], for rows [n, input]. */
    public Tensor encode(Tensor x, Pass pass) {
        Tensors.requireShape("rows of a variational autoencoder", x, -1, spec.input);
        return encoder.forward(x, pass);
    }

    /** The negative lower bound on the log-likelihood of each row [n], with standard normal draws [n, latent]. */
    public Tensor loss(Tensor x, Tensor draws, Pass pass) {
        Tensor code = encode(x, pass);
        Tensor mean = Tensors.slice(code, 1, 0, spec.latent);
        Tensor logVariance = Tensors.slice(code, 1, spec.latent, 2L * spec.latent);
        Tensor z = mean.add(draws.mul(logVariance.mul(Tensors.scalar(0.5)).exp()));
        return reconstruction(x, decoder.forward(z, pass), spec.likelihood).add(divergence(mean, logVariance));
    }

    /** -ln p(x|z) of each row [n] for what the decoder says [n, input]. */
    public static Tensor reconstruction(Tensor x, Tensor decoded, Likelihood likelihood) {
        return switch (likelihood) {
            case BERNOULLI ->
                torch.binary_cross_entropy_with_logits(
                                decoded, x, new TensorOptional(), new TensorOptional(), NO_REDUCTION)
                        .sum(1);
            case GAUSSIAN -> {
                Tensor d = x.sub(decoded);
                yield d.mul(d)
                        .sum(1)
                        .mul(Tensors.scalar(0.5))
                        .add(Tensors.scalar(0.5 * Math.log(2 * Math.PI) * x.size(1)));
            }
        };
    }

    /** KL(N(mean, variance) || N(0, 1)) of each row [n]: sum of (mean^2 + variance - 1 - ln variance) / 2. */
    public static Tensor divergence(Tensor mean, Tensor logVariance) {
        return mean.mul(mean)
                .add(logVariance.exp())
                .sub(logVariance)
                .sub(Tensors.scalar(1))
                .sum(1)
                .mul(Tensors.scalar(0.5));
    }

    /** The mean of rows with these codes: codes [n, latent] to rows [n, input]. */
    public Tensor decode(Tensor codes, Pass pass) {
        Tensors.requireShape("codes of a variational autoencoder", codes, -1, spec.latent);
        Tensor y = decoder.forward(codes, pass);
        return spec.likelihood == Likelihood.BERNOULLI ? y.sigmoid() : y;
    }

    @Override
    public void describe(Inventory into) {
        encoder.describe(into);
        decoder.describe(into);
    }

    @Override
    public Vae copy(Copier c) {
        return new Vae(spec, c.part(encoder), c.part(decoder));
    }

    /** A deep copy that shares nothing with this one. */
    public Vae copy() {
        return copy(new Copier());
    }
}
