package dev.holdfast.learner.prompt;

import dev.holdfast.data.Inputs;
import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Head;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.model.PromptPool;
import dev.holdfast.nn.model.TokenEncoder;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A frozen transformer with a pool of prompts: the query of a row is its first token without prompts; the chosen prompts
 * stand between the first token and the patches, and the features are the mean of what they have become. The parameters
 * are those of pool and head.
 */
final class PromptedModel implements Model {
    private final TokenEncoder body;
    private final PromptPool pool;
    private final Head head;
    private final int top;
    private final ScalarType dtype;

    PromptedModel(TokenEncoder body, PromptPool pool, Head head, int top, ScalarType dtype) {
        this.body = body;
        this.pool = pool;
        this.head = head;
        this.top = top;
        this.dtype = dtype;
    }

    /**
     * @param scores [n, columns]
     * @param similarity cosines [n, top] of the chosen keys
     */
    record Answer(Tensor scores, Tensor similarity) {}

    Answer answer(Inputs in, Pass pass) {
        Chosen c = choose(in, pass);
        return new Answer(head.forward(features(c, pass), pass), c.prompts.similarity());
    }

    private record Chosen(Tensor tokens, PromptPool.Chosen prompts) {}

    private Chosen choose(Inputs in, Pass pass) {
        Tensor tokens;
        Tensor query;
        try (var mode = Autograd.noGrad()) {
            tokens = body.embed(in.x().to(dtype), Pass.eval());
            query = body.encode(tokens, Pass.eval()).select(1, 0);
        }
        return new Chosen(tokens, pool.choose(query, top, pass));
    }

    private Tensor features(Chosen c, Pass pass) {
        Tensor prompts = c.prompts.tokens();
        Tensor all = Tensors.cat(
                1, Tensors.slice(c.tokens, 1, 0, 1), prompts, Tensors.slice(c.tokens, 1, 1, c.tokens.size(1)));
        Tensor out = body.encode(all, pass);
        return Tensors.slice(out, 1, 1, 1 + prompts.size(1)).mean(1);
    }

    @Override
    public Tensor features(Inputs in, Pass pass) {
        return features(choose(in, pass), pass);
    }

    @Override
    public Tensor scores(Inputs in, Pass pass) {
        return answer(in, pass).scores;
    }

    @Override
    public Head head() {
        return head;
    }

    TokenEncoder body() {
        return body;
    }

    @Override
    public void describe(Inventory into) {
        pool.describe(into);
        head.describe(into);
    }

    @Override
    public PromptedModel copy(Copier c) {
        return new PromptedModel(c.part(body), c.part(pool), c.part(head), top, dtype);
    }

    @Override
    public State state() {
        return new State().put("body", body).put("live", Inventory.of(this).state());
    }

    @Override
    public void load(State saved) {
        State before = body.state().copy();
        body.load(saved.child("body"));
        try {
            Inventory.of(this).load(saved.child("live"));
        } catch (RuntimeException e) {
            body.load(before);
            throw e;
        }
    }
}
