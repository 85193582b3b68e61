package dev.holdfast.learner.stream.tree;

import dev.holdfast.learner.stream.part.NumberReader;
import dev.holdfast.learner.stream.part.NumberWriter;
import dev.holdfast.learner.stream.part.RowStore;
import dev.holdfast.math.stream.Adwin;
import java.util.function.UnaryOperator;

/** A node that sends rows left or right, watches its loss, and may have a subtree growing up to replace it. */
final class Branch extends Node {
    final Labelling labelling;
    final Split by;
    Node left;
    Node right;

    /** Loss of the predictions made below. */
    Adwin loss;

    /** A subtree in the background and its loss, or null. */
    Node alternate;

    Adwin alternateLoss;

    Branch(Labelling labelling, Split by, Node left, Node right) {
        this.labelling = labelling;
        this.by = by;
        this.left = left;
        this.right = right;
        this.loss = new Adwin(labelling.config.driftDelta());
    }

    void grow() {
        alternate = new Leaf(labelling);
        alternateLoss = new Adwin(labelling.config.driftDelta());
    }

    void prune() {
        if (alternate != null) {
            alternate.close(labelling.context.store());
        }
        alternate = null;
        alternateLoss = null;
    }

    Node child(double[] x) {
        return by.left(x) ? left : right;
    }

    @Override
    Leaf leaf(double[] x) {
        return child(x).leaf(x);
    }

    @Override
    int leaves(boolean alternates) {
        int below = left.leaves(alternates) + right.leaves(alternates);
        return alternates && alternate != null ? below + alternate.leaves(true) : below;
    }

    @Override
    long parameters() {
        return 3 + left.parameters() + right.parameters() + (alternate == null ? 0 : alternate.parameters());
    }

    @Override
    Branch project(Labelling to, int[] keep) {
        return copy(to, n -> n.project(to, keep));
    }

    @Override
    Branch widen(Labelling to) {
        return copy(to, n -> n.widen(to));
    }

    private Branch copy(Labelling to, UnaryOperator<Node> below) {
        Branch b = new Branch(to, by, below.apply(left), below.apply(right));
        double delta = labelling.config.driftDelta();
        b.loss = Adwin.restore(delta, loss.save());
        if (alternate != null) {
            b.alternate = below.apply(alternate);
            b.alternateLoss = Adwin.restore(delta, alternateLoss.save());
        }
        return b;
    }

    @Override
    void close(RowStore store) {
        left.close(store);
        right.close(store);
        prune();
    }

    @Override
    void save(NumberWriter w) {
        w.add(false).add(by.column()).add(by.threshold()).add(by.value()).add(by.merit());
        w.add(loss.save());
        left.save(w);
        right.save(w);
        w.add(alternate != null);
        if (alternate != null) {
            w.add(alternateLoss.save());
            alternate.save(w);
        }
    }

    static Node restoreNode(Labelling labelling, NumberReader r) {
        if (r.flag()) {
            return Leaf.restore(labelling, r);
        }
        int column = r.integer(0, labelling.context.space().width() - 1);
        double threshold = r.next();
        int value = r.integer(-1, Math.max(0, labelling.context.space().vocabulary(column) - 1));
        Split by = new Split(column, threshold, value, r.next());
        double delta = labelling.config.driftDelta();
        Adwin loss = Adwin.restore(delta, r.doubles());
        Node left = restoreNode(labelling, r);
        Branch b = new Branch(labelling, by, left, restoreNode(labelling, r));
        b.loss = loss;
        if (r.flag()) {
            b.alternateLoss = Adwin.restore(delta, r.doubles());
            b.alternate = restoreNode(labelling, r);
        }
        return b;
    }
}
