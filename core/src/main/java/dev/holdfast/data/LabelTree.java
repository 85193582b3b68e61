package dev.holdfast.data;

import dev.holdfast.config.Frozen;
import java.util.List;

/** A hierarchy of classes, coarse to fine, in which every class has one parent and every edge a length. Immutable. */
@Frozen
public interface LabelTree {
    /** Parent of a class, -1 at a root. */
    int parent(int classId);

    /** Depth of a class, 0 at a root. */
    int level(int classId);

    /** Classes right below a class, ids ascending. */
    List<Integer> children(int classId);

    /** Length of the edge to the parent; 0 at a root. */
    double edge(int classId);
}
