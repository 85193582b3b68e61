package dev.holdfast.learner.project;

import dev.holdfast.data.Batch;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.nn.Pass;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import dev.holdfast.tensor.Tensors;
import java.util.Set;
import java.util.TreeSet;
import org.bytedeco.pytorch.Tensor;

/** The task loss of learners that learn part by part: which part is learnt, and which classes compete in it. One writer. */
public final class PartLoss implements Stateful {
    private final Competing competing;
    private final Set<Integer> classes = new TreeSet<>();
    private int finished;
    private boolean ended = true;

    public PartLoss(Competing competing) {
        this.competing = competing;
    }

    /** Refuses rules whose step is not along the projected gradient. */
    static void check(NetConfig net, String learner) {
        if (net.optimizer().kind() != OptimizerConfig.Kind.SGD
                || net.optimizer().weightDecay() != 0) {
            throw new IllegalArgumentException(
                    learner + " keeps what was learnt by projecting the gradient; a rule that"
                            + " rescales it or lets weights decay leaves the projection again. Expected"
                            + " net.optimizer.kind=SGD and weightDecay=0 but they are "
                            + net.optimizer().kind() + " and "
                            + net.optimizer().weightDecay() + ".");
        }
    }

    /** A part begins; momentum gathered before its predecessor was protected is forgotten. */
    public void begin(Experience e, Net net) {
        open(net);
        e.classes().columns().forEach(c -> classes.add(c.classId()));
    }

    private void open(Net net) {
        classes.clear();
        ended = false;
        net.restart();
    }

    /** Notes the classes of admitted rows. */
    public void note(Batch b, Net net) {
        if (ended) {
            open(net);
        }
        add(b);
    }

    /** As {@link #note} on a copy that looks ahead. */
    void noteAhead(Batch b) {
        if (ended) {
            classes.clear();
        }
        add(b);
    }

    private void add(Batch b) {
        for (long id : b.classIds()) {
            classes.add((int) id);
        }
    }

    public void end() {
        ended = true;
        finished++;
    }

    /** Parts that are over. */
    int finished() {
        return finished;
    }

    /** The coming step's pass; stored statistics of norms stand still once a part is over, in the loss too. */
    Pass pass(Net net) {
        return finished == 0 ? net.pass() : Pass.eval();
    }

    /** Mean cross entropy among the columns that compete. */
    public Tensor loss(Net net, Tensor scores, Batch b) {
        return competing == Competing.ALL
                ? net.crossEntropy(scores, b)
                : new CrossEntropy()
                        .value(net.lossInput(scores, b).among(c -> classes.contains(c.classId())))
                        .total(b.rows().weights());
    }

    @Override
    public State state() {
        return new State()
                .put("classes", Tensors.ids(classes.stream().mapToInt(i -> i).toArray()))
                .put("finished", finished)
                .put("ended", Boolean.toString(ended));
    }

    @Override
    public void load(State saved) {
        Tensors.requireShape("saved classes of the part", saved.tensor("classes"), -1);
        int[] newClasses = Tensors.ints(saved.tensor("classes"));
        int newFinished = Math.toIntExact(saved.integer("finished"));
        boolean newEnded = saved.flag("ended");
        classes.clear();
        for (int c : newClasses) {
            classes.add(c);
        }
        finished = newFinished;
        ended = newEnded;
    }
}
