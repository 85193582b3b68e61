package dev.holdfast.data;

import java.util.List;

/** Coarse-to-fine classes (50) and edges with lengths (44); one parent a class. */
public interface LabelTree {
    int parent(int classId);

    int level(int classId);

    List<Integer> children(int classId);

    double edge(int classId);
}
