package dev.holdfast.app.schedule;

import dev.holdfast.app.schedule.RateCurves.Run;
import java.util.Arrays;
import java.util.Locale;

/**
 * Curves as characters: a column stands for some updates and is filled from the lowest to the highest rate among them, so that
 * short falls show.
 *
 * @param width columns of the drawing, without its axis
 * @param height rows of the drawing
 */
record TextChart(int width, int height) {
    private static final char TRUNK = '*';
    private static final char OTHERS = 'o';
    private static final double SMALL = 0.01;

    /** Lines that end with a line feed. */
    String draw(RateCurves c) {
        char[][] grid = new char[height][width];
        for (char[] row : grid) {
            Arrays.fill(row, ' ');
        }
        // the first run is drawn last, so that nothing covers it
        for (int i = c.runs().size() - 1; i >= 0; i--) {
            stroke(c, c.runs().get(i), i == 0 ? TRUNK : OTHERS, grid);
        }
        StringBuilder b = new StringBuilder();
        for (int y = 0; y < height; y++) {
            String at = y == 0 ? rate(c.peak()) : y == height - 1 ? "0" : "";
            b.append(String.format("%10s |%s%n", at, new String(grid[y]).stripTrailing()));
        }
        b.append(" ".repeat(11)).append('+').append("-".repeat(width)).append(System.lineSeparator());
        String last = String.format(Locale.ROOT, "%,d", c.updates());
        b.append(" ".repeat(12))
                .append("0")
                .append(" ".repeat(Math.max(1, width - 1 - last.length())))
                .append(last)
                .append(" updates")
                .append(System.lineSeparator());
        return b.toString();
    }

    private void stroke(RateCurves c, Run r, char mark, char[][] grid) {
        int lowest = -1;
        int highest = -1;
        int column = -1;
        int before = -1;
        for (long t = r.from(); t < r.to(); t++) {
            int x = (int) (t * width / c.updates());
            int y = (int) Math.round((1 - c.rate(r, t) / c.peak()) * (height - 1));
            if (x != column) {
                fill(grid, column, highest, lowest, mark);
                // from where the last column ended, so that nothing is torn
                lowest = column < 0 ? y : before;
                highest = lowest;
                column = x;
            }
            lowest = Math.max(lowest, y);
            highest = Math.min(highest, y);
            before = y;
        }
        fill(grid, column, highest, lowest, mark);
    }

    private static void fill(char[][] grid, int x, int from, int to, char mark) {
        for (int y = Math.max(0, from); x >= 0 && y <= Math.min(to, grid.length - 1); y++) {
            grid[y][x] = mark;
        }
    }

    static String rate(double v) {
        return String.format(Locale.ROOT, v < SMALL && v > 0 ? "%.2e" : "%.3g", v);
    }
}
