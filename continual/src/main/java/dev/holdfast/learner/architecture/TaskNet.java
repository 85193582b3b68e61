package dev.holdfast.learner.architecture;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.loss.LossInput;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.Pass;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * A network that computes differently for each part of the stream: which part is learnt now, what it is trained on, and
 * how rows of a known or unknown task are scored. {@link Pass#task} is the number of a part.
 *
 * <p>Every announced part gets the next number, so a task that comes back is another part, and its latest one predicts.
 * Columns belong to a class of a task; a part trains those of its own task only. One writer, many may predict.
 */
final class TaskNet implements Stateful {
    private final Net net;

    /** Task of each part; replaced whole, between two predictions. */
    private volatile int[] tasks = {};

    private boolean open;

    TaskNet(Net net) {
        this.net = net;
    }

    /** Refuses what would move the weights of finished tasks without a gradient, or give a class a column of no task. */
    static void check(NetConfig net, String learner) {
        if (net.optimizer().weightDecay() != 0) {
            throw new IllegalArgumentException("Weight decay also moves what belongs to finished tasks, so " + learner
                    + " needs net.optimizer.weightDecay=0 but it is "
                    + net.optimizer().weightDecay() + ".");
        }
        if (net.allClassesFromStart()) {
            throw new IllegalArgumentException(
                    "In " + learner + " a column belongs to a class of a task, so it comes with"
                            + " the task; expected net.allClassesFromStart=false.");
        }
    }

    Net net() {
        return net;
    }

    /** Whether a part goes on. */
    boolean open() {
        return open;
    }

    /** Number of parts so far. */
    int parts() {
        return tasks.length;
    }

    /** The next part begins, with a fresh optimizer; {@code grow} changes the network for it. */
    int begin(int task, Runnable grow) {
        int part = tasks.length;
        net.change(() -> {
            grow.run();
            tasks = Arrays.copyOf(tasks, part + 1);
            tasks[part] = task;
            return null;
        });
        net.restart();
        open = true;
        return part;
    }

    void end() {
        open = false;
    }

    /** The part that is learnt now. */
    int part() {
        return tasks.length - 1;
    }

    /** The task that rows without an announced part count as. */
    static int task(Batch b) {
        return Math.max(0, b.task());
    }

    /** Refuses rows that do not fit; then gives classes that the part's task has no column for yet one. */
    void admit(Batch b) {
        net.admit(b, tasks[part()]);
    }

    /**
     * The pass of the coming step. After the first part layers keep their stored statistics, in the loss too, because
     * those of new rows would change the answers of finished parts.
     */
    Pass pass() {
        return (part() == 0 ? net.pass() : Pass.eval()).withTask(part());
    }

    /** Mean cross entropy among the columns of the part's own task. */
    Tensor loss(Tensor scores, Batch b) {
        int[] at = indices(own());
        List<ClassIndex.Column> columns = new ArrayList<>();
        for (int c : at) {
            columns.add(net.columns().columns().get(c));
        }
        // a class may have a column of an earlier task, too, so the part's own are cut out instead of masked
        return new CrossEntropy()
                .value(new LossInput(
                        scores.index_select(1, Tensors.ids(at)), b.target(), b.rows(), ClassIndex.of(columns)))
                .total(b.rows().weights());
    }

    /** Which columns are of the part's own task. */
    boolean[] own() {
        int task = tasks[part()];
        return net.columns().where(c -> c.task() == task);
    }

    private static int[] indices(boolean[] keep) {
        return IntStream.range(0, keep.length).filter(i -> keep[i]).toArray();
    }

    /** Scores of all columns by the network of the task's latest part; of an unknown task as {@link #predict(Inputs)}. */
    Prediction predict(Inputs x, int task) {
        return net.predict(x, m -> {
            int part = latest(task);
            return part < 0 ? byOwnPart(m, x) : m.scores(x, Pass.eval().withTask(part));
        });
    }

    /** Every column's score by the network of its own task's latest part; these were not trained to compete. */
    Prediction predict(Inputs x) {
        return net.predict(x, m -> byOwnPart(m, x));
    }

    private int latest(int task) {
        for (int k = tasks.length - 1; k >= 0; k--) {
            if (tasks[k] == task) {
                return k;
            }
        }
        return -1;
    }

    private Tensor byOwnPart(Model m, Inputs x) {
        ClassIndex columns = m.head().columns();
        Tensor all = null;
        for (int k = 0; k < tasks.length; k++) {
            int task = tasks[k];
            int[] own = indices(columns.where(c -> c.task() == task));
            if (latest(task) != k || own.length == 0) {
                continue;
            }
            Tensor scores = m.scores(x, Pass.eval().withTask(k));
            Tensor at = Tensors.ids(own);
            all = all == null ? scores.clone() : all.index_copy_(1, at, scores.index_select(1, at));
        }
        return all;
    }

    @Override
    public State state() {
        return new State()
                .put("tasks", Tensors.ids(tasks))
                .put("open", Boolean.toString(open))
                .put("net", net);
    }

    @Override
    public void load(State saved) {
        Tensors.requireShape("saved tasks of the parts", saved.tensor("tasks"), -1);
        int[] newTasks = Tensors.ints(saved.tensor("tasks"));
        boolean newOpen = saved.flag("open");
        if (newOpen && newTasks.length == 0) {
            throw new IllegalArgumentException(
                    "The saved learner is in the middle of a part but has no parts." + "\nMaybe the file is damaged.");
        }
        net.load(saved.child("net"));
        net.change(() -> {
            tasks = newTasks;
            return null;
        });
        open = newOpen;
    }
}
