package dev.holdfast.language.token;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;

/**
 * Byte-pair encoding (Sennrich et al., arXiv 1508.07909): a piece of text starts as its characters, and the leftmost
 * pair of lowest rank is merged until none is left.
 *
 * @param vocabulary id of every token
 * @param merges rank and result of a pair, keyed by both ids
 * @param unknown id of what has no token, or -1: it is left out
 * @param fuseUnknown neighbours without a token become one unknown
 * @param byteFallback a character without a token becomes its bytes, written {@code <0xHH>}
 * @param wholeFirst a piece that is a token is not taken apart
 */
record BytePairs(
        Map<String, Integer> vocabulary,
        Map<Long, Merge> merges,
        int unknown,
        boolean fuseUnknown,
        boolean byteFallback,
        boolean wholeFirst) {
    record Merge(int rank, int id) {}

    private record Candidate(int rank, int left, int right, int leftId, int rightId, int id)
            implements Comparable<Candidate> {
        @Override
        public int compareTo(Candidate o) {
            return rank != o.rank ? Integer.compare(rank, o.rank) : Integer.compare(left, o.left);
        }
    }

    /** Merges in order of rank; a pair or result without a token is an error that names it. */
    static Map<Long, Merge> ranked(String where, Map<String, Integer> vocabulary, List<String[]> pairs) {
        Map<Long, Merge> merges = new HashMap<>();
        for (int i = 0; i < pairs.size(); i++) {
            String[] p = pairs.get(i);
            Integer a = vocabulary.get(p[0]);
            Integer b = vocabulary.get(p[1]);
            Integer both = vocabulary.get(p[0] + p[1]);
            if (a == null || b == null || both == null) {
                throw new IllegalArgumentException(where + ": merge " + i + " of '" + p[0] + "' and '" + p[1]
                        + "' needs both and '" + p[0] + p[1] + "' in the vocabulary.");
            }
            merges.putIfAbsent(key(a, b), new Merge(i, both));
        }
        return merges;
    }

    private static long key(int a, int b) {
        return ((long) a << 32) | b;
    }

    void encode(String piece, List<Integer> into) {
        if (piece.isEmpty()) {
            return;
        }
        Integer whole = wholeFirst ? vocabulary.get(piece) : null;
        if (whole != null) {
            into.add(whole);
            return;
        }
        int[] ids = characters(piece);
        int[] next = new int[ids.length];
        int[] previous = new int[ids.length];
        PriorityQueue<Candidate> queue = new PriorityQueue<>();
        for (int i = 0; i < ids.length; i++) {
            previous[i] = i - 1;
            next[i] = i + 1 < ids.length ? i + 1 : -1;
            offer(queue, ids, i, next[i]);
        }
        while (!queue.isEmpty()) {
            Candidate c = queue.poll();
            // a pair whose left or right has been merged away meanwhile
            if (ids[c.left] != c.leftId || next[c.left] != c.right || ids[c.right] != c.rightId) {
                continue;
            }
            ids[c.left] = c.id;
            ids[c.right] = -1;
            next[c.left] = next[c.right];
            if (next[c.right] >= 0) {
                previous[next[c.right]] = c.left;
            }
            offer(queue, ids, c.left, next[c.left]);
            offer(queue, ids, previous[c.left], c.left);
        }
        for (int i = 0; i >= 0 && i < ids.length; i = next[i]) {
            into.add(ids[i]);
        }
    }

    private void offer(PriorityQueue<Candidate> queue, int[] ids, int left, int right) {
        Merge m = left < 0 || right < 0 ? null : merges.get(key(ids[left], ids[right]));
        if (m != null) {
            queue.add(new Candidate(m.rank, left, right, ids[left], ids[right], m.id));
        }
    }

    private int[] characters(String piece) {
        List<Integer> ids = new ArrayList<>();
        boolean[] open = {false};
        piece.codePoints().forEach(c -> {
            String s = Character.toString(c);
            Integer id = vocabulary.get(s);
            if (id != null) {
                ids.add(id);
                open[0] = false;
            } else if (!(byteFallback && bytes(s, ids)) && unknown >= 0) {
                if (!(fuseUnknown && open[0])) {
                    ids.add(unknown);
                }
                open[0] = true;
            } else {
                open[0] = false;
            }
        });
        return ids.stream().mapToInt(Integer::intValue).toArray();
    }

    private boolean bytes(String character, List<Integer> into) {
        List<Integer> ids = new ArrayList<>();
        for (byte b : character.getBytes(StandardCharsets.UTF_8)) {
            Integer id = vocabulary.get(String.format("<0x%02X>", b & 0xFF));
            if (id == null) {
                return false;
            }
            ids.add(id);
        }
        into.addAll(ids);
        return true;
    }
}
