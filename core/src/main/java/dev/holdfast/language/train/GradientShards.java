package dev.holdfast.language.train;

import dev.holdfast.optim.Evaluated;
import dev.holdfast.run.Threads;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.bytedeco.pytorch.Tensor;

/**
 * The gradient of a batch as the sum over shards of its rows, each on a thread of its own with single-threaded operations:
 * matrix products of small models are too small to be shared between threads, rows are not. The sum is taken in the order
 * of the shards, so equal numbers of shards give equal bits; one shard is the plain gradient.
 *
 * <p>For one caller at a time; its threads end with {@link #close}.
 */
public final class GradientShards implements AutoCloseable {
    /** What one shard is trained for. */
    @FunctionalInterface
    public interface Loss {
        /** Mean over the labels of {@code part} that count, with its graph; {@code shard} tells draws of shards apart. */
        Tensor of(TokenBatch part, int shard);
    }

    private final int count;
    private final ExecutorService threads;
    /** What a thread that starts later is to find: the number of threads is partly the process's, partly a thread's own. */
    private final int before = Threads.get();

    /** @param count of shards, >= 1; a batch with fewer rows has as many as rows */
    public GradientShards(int count) {
        if (count < 1) {
            throw new IllegalArgumentException("A batch is cut into at least 1 shard, not " + count + ".");
        }
        this.count = count;
        this.threads = count == 1
                ? null
                : Executors.newFixedThreadPool(count, work -> {
                    Thread t = new Thread(work, "gradient-shard");
                    t.setDaemon(true);
                    return t;
                });
    }

    /**
     * Loss and gradient, in the caller's scope.
     *
     * @param loss called on several threads at once
     */
    public Evaluated of(TokenBatch b, Loss loss, Parameters p) {
        int n = (int) Math.min(count, b.ids().size(0));
        if (n == 1) {
            Tensor l = loss.of(b, 0);
            return new Evaluated(Tensors.item(l), Autograd.grad(l, p, false));
        }
        // without labels that count, every share is of nothing
        double all = Math.max(1, b.counted());
        List<Callable<Evaluated>> work = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            int shard = i;
            TokenBatch part = b.shard(i, n);
            double share = part.counted() / all;
            work.add(() -> share(part, shard, share, loss, p));
        }
        try {
            List<Evaluated> parts = new ArrayList<>();
            for (Future<Evaluated> f : threads.invokeAll(work)) {
                parts.add(f.get());
            }
            return sum(parts, p);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException r ? r : new IllegalStateException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("The gradient was interrupted.", e);
        }
    }

    /** On a thread of its own; what it returns belongs to no scope. */
    private Evaluated share(TokenBatch part, int shard, double share, Loss loss, Parameters p) {
        Threads.set(1);
        try (Scope s = Scope.open()) {
            Tensor l = loss.of(part, shard).mul(Tensors.scalar(share));
            ParamVector g = Autograd.grad(l, p, false);
            for (int i = 0; i < p.size(); i++) {
                if (g.get(i) != null) {
                    Scope.own(g.get(i));
                }
            }
            return new Evaluated(Tensors.item(l), g);
        } finally {
            Threads.set(before);
        }
    }

    private static Evaluated sum(List<Evaluated> parts, Parameters p) {
        double loss = 0;
        Tensor[] sum = new Tensor[p.size()];
        for (Evaluated e : parts) {
            loss += e.loss();
            for (int i = 0; i < sum.length; i++) {
                Tensor g = e.gradient().get(i);
                if (g != null) {
                    sum[i] = sum[i] == null ? Tensors.copy(g) : sum[i].add_(g, Tensors.scalar(1));
                    g.close();
                }
            }
        }
        return new Evaluated(loss, new ParamVector(p, sum));
    }

    @Override
    public void close() {
        if (threads != null) {
            threads.shutdown();
        }
    }
}
