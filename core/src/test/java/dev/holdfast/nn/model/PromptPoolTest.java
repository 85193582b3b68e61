package dev.holdfast.nn.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.nn.Pass;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.Arrays;
import org.assertj.core.data.Offset;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class PromptPoolTest {
    private static final Offset<Double> EXACT = within(1e-12);
    private final PromptPool pool = new PromptPool("p", 3, 2, 2, Rng.of(1), ScalarType.Double);

    PromptPoolTest() {
        Parameters p = pool.parameters();
        p.assign(new ParamVector(p, new Tensor[] {
            Tensors.of(new double[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 3, 2, 2),
            Tensors.of(new double[] {2, 0, 3, 3, 0, -1}, 3, 2)
        }));
    }

    @Test
    void aRowGetsThePromptsWhoseKeysAreMostLikeIt() {
        Tensor query = Tensors.of(new double[] {10, 0, 0, -0.1}, 2, 2);
        PromptPool.Chosen c = pool.choose(query, 2, Pass.eval());
        assertThat(Tensors.ints(c.prompts())).containsExactly(0, 1, 2, 0);
        double[] similarity = Tensors.doubles(c.similarity().detach());
        assertThat(similarity[0]).isEqualTo(1, EXACT);
        assertThat(similarity[1]).isEqualTo(Math.sqrt(0.5), EXACT);
        assertThat(similarity[2]).isEqualTo(1, EXACT);
        assertThat(similarity[3]).isEqualTo(0, EXACT);
        assertThat(c.tokens().shape()).containsExactly(2, 4, 2);
        assertThat(Tensors.doubles(c.tokens().detach()))
                .containsExactly(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 1, 2, 3, 4);
    }

    @Test
    void onlyChosenPromptsAndKeysLearn() {
        PromptPool.Chosen c = pool.choose(Tensors.of(new double[] {1, 0.5}, 1, 2), 1, Pass.eval());
        ParamVector g = Autograd.grad(c.tokens().sum().add(c.similarity().sum()), pool.parameters(), false);
        int best = Tensors.ints(c.prompts())[0];
        assertThat(best).isEqualTo(1);
        double[] tokens = Tensors.doubles(g.get(0));
        assertThat(tokens).containsExactly(0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0);
        double[] keys = Tensors.doubles(g.get(1));
        assertThat(Arrays.copyOfRange(keys, 2, 4)).doesNotContain(0);
        assertThat(new double[] {keys[0], keys[1], keys[4], keys[5]}).containsOnly(0);
    }

    @Test
    void aQueryOfZerosIsLikeNothing() {
        PromptPool.Chosen c = pool.choose(Tensors.of(new double[] {0, 0}, 1, 2), 3, Pass.eval());
        assertThat(Tensors.doubles(c.similarity().detach())).containsOnly(0);
    }

    @Test
    void refusesWhatItCannotGive() {
        Tensor q = Tensors.of(new double[] {1, 0}, 1, 2);
        assertThatThrownBy(() -> pool.choose(q, 4, Pass.eval())).hasMessageContaining("1 to 3");
        assertThatThrownBy(() -> pool.choose(Tensors.of(new double[] {1, 0, 0}, 1, 3), 1, Pass.eval()))
                .hasMessageContaining("queries");
        assertThatThrownBy(() -> new PromptPool("p", 0, 2, 2, Rng.of(1), ScalarType.Double))
                .hasMessageContaining(">= 1");
    }

    /** What a transformer does in two halves is what it does in one. */
    @Test
    void aTransformerIsItsEmbeddingThenItsEncoding() {
        TokenEncoder body = new VisionTransformer(java.util.List.of(1L, 4L, 4L), 2, 8, 2, 2, 2, 0)
                .build(Rng.of(2), ScalarType.Double);
        Tensor x = Rng.of(3).normal(ScalarType.Double, 3, 1, 4, 4);
        Tensor tokens = body.embed(x, Pass.eval());
        assertThat(tokens.shape()).containsExactly(3, 5, 8);
        assertThat(Tensors.doubles(body.encode(tokens, Pass.eval()).select(1, 0).detach()))
                .containsExactly(Tensors.doubles(body.forward(x, Pass.eval()).detach()));
    }
}
