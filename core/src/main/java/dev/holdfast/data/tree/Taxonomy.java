package dev.holdfast.data.tree;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.LabelTree;
import dev.holdfast.data.Target;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Classes by name from coarse to fine, each below one coarser class or at the top: a {@link LabelTree} whose every edge
 * has length 1. Level 0 is the coarsest. Immutable; safe from any thread.
 *
 * <p>Class ids are 0..n-1. {@link #over} keeps the ids of data that know only the finest classes and numbers the coarser
 * ones after them, level by level.
 */
public final class Taxonomy implements LabelTree {
    private final List<String> names;
    private final int[] parents;
    private final int[] levels;
    private final List<List<Integer>> children;
    private final Map<String, Integer> idOf = new LinkedHashMap<>();

    private Taxonomy(List<String> names, int[] parents) {
        this.names = List.copyOf(names);
        this.parents = parents;
        this.levels = new int[parents.length];
        List<List<Integer>> below = new ArrayList<>();
        for (int id = 0; id < parents.length; id++) {
            idOf.put(names.get(id), id);
            below.add(new ArrayList<>());
        }
        for (int id = 0; id < parents.length; id++) {
            levels[id] = depth(id);
            if (parents[id] >= 0) {
                below.get(parents[id]).add(id);
            }
        }
        this.children = below.stream().map(Collections::unmodifiableList).toList();
    }

    /** Steps to the top; a class that is above itself is refused. */
    private int depth(int id) {
        Set<Integer> way = new LinkedHashSet<>();
        for (int at = id; at >= 0; at = parents[at]) {
            if (!way.add(at)) {
                throw new IllegalArgumentException("The label tree runs in a circle: "
                        + String.join(" below ", way.stream().map(names::get).toList()) + " below " + names.get(at)
                        + "; expected that every way up ends at a class without a parent.");
            }
        }
        return way.size() - 1;
    }

    /**
     * A tree of these pairs of a class and its parent; ids are dealt in the order in which names appear.
     *
     * @param parentOf parent of each class; null or empty at the top. A parent that is no key itself is at the top.
     * @throws IllegalArgumentException for a circle, an empty name, or fewer than two classes
     */
    public static Taxonomy of(Map<String, String> parentOf) {
        Set<String> all = new LinkedHashSet<>();
        parentOf.forEach((child, parent) -> {
            all.add(child);
            if (isNamed(parent)) {
                all.add(parent);
            }
        });
        return numbered(new ArrayList<>(all), parentOf);
    }

    private static boolean isNamed(String name) {
        return name != null && !name.isBlank();
    }

    private static Taxonomy numbered(List<String> names, Map<String, String> parentOf) {
        if (names.size() < 2) {
            throw new IllegalArgumentException(
                    "A label tree needs at least two classes but has " + names.size() + ": " + names + ".");
        }
        if (names.stream().anyMatch(n -> !isNamed(n))) {
            throw new IllegalArgumentException("A class of the label tree has no name; the classes are " + names + ".");
        }
        int[] parents = names.stream()
                .mapToInt(n -> isNamed(parentOf.get(n)) ? names.indexOf(parentOf.get(n)) : -1)
                .toArray();
        return new Taxonomy(names, parents);
    }

    /**
     * A tree read off labelled rows.
     *
     * @param rows for each row the names of its classes from coarse to fine, all rows with the same number of levels
     * @throws IllegalArgumentException where a class has two parents, stands at two levels, or has no name
     */
    public static Taxonomy ofRows(Iterable<List<String>> rows) {
        Map<String, String> parentOf = new LinkedHashMap<>();
        Map<String, Integer> levelOf = new LinkedHashMap<>();
        long n = 0;
        for (List<String> row : rows) {
            for (int h = 0; h < row.size(); h++) {
                String name = row.get(h);
                if (!isNamed(name)) {
                    throw new IllegalArgumentException(
                            "Row " + n + " has no label at level " + h + "; expected one at every level.");
                }
                Integer before = levelOf.putIfAbsent(name, h);
                if (before != null && before != h) {
                    throw new IllegalArgumentException("Class '" + name + "' stands at level " + before
                            + " and, in row " + n + ", at level " + h + "; expected one level a class."
                            + "\nMaybe give the classes of each level names of their own.");
                }
                join(parentOf, name, h == 0 ? "" : row.get(h - 1), "row " + n);
            }
            n++;
        }
        return of(parentOf);
    }

    /** Notes a parent; another one than before is refused. */
    static void join(Map<String, String> parentOf, String child, String parent, String where) {
        String before = parentOf.putIfAbsent(child, parent);
        if (before != null && !before.equals(parent)) {
            throw new IllegalArgumentException("Class '" + child + "' has two parents, "
                    + (before.isEmpty() ? "none" : "'" + before + "'") + " and, in " + where + ", "
                    + (parent.isEmpty() ? "none" : "'" + parent + "'") + "; expected one.");
        }
    }

    /**
     * The part of this tree that these classes and those above them make, with their ids, which must be 0..n-1; coarser
     * classes follow.
     *
     * @throws IllegalArgumentException where a class is not in the tree, has one of the others below it, or is at another
     *     level than the others
     */
    public Taxonomy over(ClassIndex finest) {
        List<String> kept = new ArrayList<>();
        for (int id = 0; id < finest.size(); id++) {
            int column = finest.columnOf(id);
            if (column < 0) {
                throw new IllegalArgumentException("The classes under a label tree must have the ids 0.."
                        + (finest.size() - 1) + " but " + id + " is missing.");
            }
            kept.add(finest.columns().get(column).name());
        }
        List<String> missing = kept.stream().filter(n -> !idOf.containsKey(n)).toList();
        if (!missing.isEmpty()) {
            throw new IllegalArgumentException("The label tree does not know the classes " + missing
                    + " of the data; it knows " + shortened() + ".");
        }
        int level = levels[idOf.get(kept.get(0))];
        for (String n : kept) {
            if (levels[idOf.get(n)] != level) {
                throw new IllegalArgumentException("Class '" + n + "' is at level " + levels[idOf.get(n)]
                        + " of the label tree but '" + kept.get(0) + "' is at level " + level
                        + "; expected that all classes of the data have as many classes above them."
                        + "\nMaybe put a class of its own between.");
            }
        }
        Set<String> above = new LinkedHashSet<>();
        for (int h = 0; h < level; h++) {
            for (String n : kept) {
                above.add(names.get(ancestor(idOf.get(n), h)));
            }
        }
        List<String> all = new ArrayList<>(kept);
        all.addAll(above);
        Map<String, String> parentOf = new LinkedHashMap<>();
        all.forEach(n -> {
            int p = parents[idOf.get(n)];
            parentOf.put(n, p < 0 ? "" : names.get(p));
        });
        return numbered(all, parentOf);
    }

    private String shortened() {
        return names.size() <= 12 ? names.toString() : names.subList(0, 12) + " and " + (names.size() - 12) + " more";
    }

    /** Whether all these names are classes without children, and there are no other such classes. */
    public boolean hasLeaves(Set<String> leaves) {
        Set<String> own = new HashSet<>();
        IntStream.range(0, size()).filter(id -> children.get(id).isEmpty()).forEach(id -> own.add(names.get(id)));
        return own.equals(leaves);
    }

    /** Whether all these names are classes. */
    public boolean knows(Set<String> classes) {
        return idOf.keySet().containsAll(classes);
    }

    /** Number of classes. */
    public int size() {
        return parents.length;
    }

    /** Number of levels H; level H - 1 is the finest. */
    public int depth() {
        return Arrays.stream(levels).max().orElseThrow() + 1;
    }

    public String name(int classId) {
        return names.get(checked(classId));
    }

    /** The id of a name, or -1. */
    public int idOf(String name) {
        return idOf.getOrDefault(name, -1);
    }

    /** Ids of the classes of a level, ascending. */
    public int[] atLevel(int level) {
        return IntStream.range(0, size()).filter(id -> levels[id] == level).toArray();
    }

    /** The class at a level on the way up from a class, itself at its own level; -1 at a finer level than its own. */
    public int ancestor(int classId, int level) {
        int at = checked(classId);
        if (level > levels[at] || level < 0) {
            return -1;
        }
        while (levels[at] > level) {
            at = parents[at];
        }
        return at;
    }

    /** All classes with their levels, ids ascending. */
    public ClassIndex classes() {
        return ClassIndex.of(IntStream.range(0, size())
                .mapToObj(id -> new ClassIndex.Column(id, names.get(id), levels[id], -1))
                .toList());
    }

    /**
     * Labels that say their level as labels of this tree, whose ids say it already.
     *
     * @throws IllegalArgumentException where a row's level or class is unknown, or its class is at another level
     */
    public Target.ClassIds classIds(Target.Levels rows) {
        long[] ids = Tensors.longs(rows.ids());
        long[] level = Tensors.longs(rows.level());
        for (int i = 0; i < ids.length; i++) {
            if (level[i] < 0 || level[i] >= depth()) {
                throw new IllegalArgumentException("Row " + i + " is labelled at level " + level[i]
                        + ", but the label tree has the levels 0.." + (depth() - 1) + ".");
            }
            if (ids[i] < 0 || ids[i] >= size()) {
                throw new IllegalArgumentException("Row " + i + " has class " + ids[i]
                        + ", but the label tree has the classes 0.." + (size() - 1) + ".");
            }
            if (levels[(int) ids[i]] != level[i]) {
                throw new IllegalArgumentException("Row " + i + " has class " + ids[i] + " ('"
                        + names.get((int) ids[i]) + "') at level " + level[i] + ", but that class is at level "
                        + levels[(int) ids[i]] + ".");
            }
        }
        return Target.ClassIds.of(ids);
    }

    @Override
    public int parent(int classId) {
        return parents[checked(classId)];
    }

    @Override
    public int level(int classId) {
        return levels[checked(classId)];
    }

    @Override
    public List<Integer> children(int classId) {
        return children.get(checked(classId));
    }

    @Override
    public double edge(int classId) {
        return parents[checked(classId)] < 0 ? 0 : 1;
    }

    private int checked(int classId) {
        if (classId < 0 || classId >= parents.length) {
            throw new IllegalArgumentException("There is no class " + classId + " in the label tree; its ids are 0.."
                    + (parents.length - 1) + ".");
        }
        return classId;
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof Taxonomy t && names.equals(t.names) && Arrays.equals(parents, t.parents);
    }

    @Override
    public int hashCode() {
        return Objects.hash(names, Arrays.hashCode(parents));
    }

    @Override
    public String toString() {
        return depth() + " levels of "
                + IntStream.range(0, depth())
                        .mapToObj(h -> Integer.toString(atLevel(h).length))
                        .toList()
                + " classes";
    }
}
