package dev.holdfast.evaluate.metric;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * {@link StabilityGap} while a learner learns, in O(W) an evaluation and without the curves: for each task the running
 * minimum since it was learnt, and for each window the last W accuracies and the largest change so far. Gives the
 * numbers of {@link StabilityGap#of} to the bit. One writer.
 */
public final class RunningStabilityGap {
    /** A task's last accuracies in one window, oldest first, and its largest changes. */
    private static final class Window {
        final ArrayDeque<double[]> last = new ArrayDeque<>();
        double drop;
        double rise;
    }

    /** What is kept of a task. */
    private static final class Task {
        double now;
        double atEnd = Double.NaN;
        double least = Double.POSITIVE_INFINITY;
        double early;
        int earlyPoints;
        final Window[] windows;

        Task(int windows) {
            this.windows = new Window[windows];
            Arrays.setAll(this.windows, w -> new Window());
        }
    }

    private final int[] windows;
    private final int beta;
    private final long spacing;
    private final List<Task> tasks = new ArrayList<>();
    private long lastStep;

    /**
     * @param spacing updates between evaluations, as in {@link AccuracyCurves}
     */
    public RunningStabilityGap(List<Integer> windows, int beta, long spacing) {
        windows.forEach(StabilityGap::checkWindow);
        StabilityGap.checkBeta(beta);
        if (spacing < 1) {
            throw new IllegalArgumentException("The spacing must be >= 1 but is " + spacing + ".");
        }
        this.windows = windows.stream().mapToInt(Integer::intValue).toArray();
        this.beta = beta;
        this.spacing = spacing;
    }

    /**
     * One evaluation.
     *
     * @param step updates done
     * @param task the task being learnt, from 0
     * @param accuracy accuracy of tasks 0..task; what follows is not looked at
     */
    public void observe(long step, int task, double[] accuracy) {
        if (!tasks.isEmpty() && step <= lastStep || task < tasks.size() - 1 || task > tasks.size()) {
            throw new IllegalArgumentException("An evaluation at step " + step + " of task " + task
                    + " does not follow one at step " + lastStep + " of task " + (tasks.size() - 1) + ".");
        }
        for (int i = 0; i <= task; i++) {
            if (i >= accuracy.length || !(accuracy[i] >= 0 && accuracy[i] <= 1)) {
                throw new IllegalArgumentException("Task " + i + " has no accuracy in [0, 1] at step " + step
                        + ", though its training has begun: " + Arrays.toString(accuracy) + ".");
            }
        }
        lastStep = step;
        if (tasks.size() == task) {
            if (task > 0) {
                Task learnt = tasks.get(task - 1);
                learnt.atEnd = learnt.now;
            }
            tasks.add(new Task(windows.length));
        }
        for (int i = 0; i <= task; i++) {
            Task t = tasks.get(i);
            double a = accuracy[i];
            t.now = a;
            if (i < task) {
                t.least = Math.min(t.least, a);
            } else if (t.earlyPoints < beta) {
                t.early += a;
                t.earlyPoints++;
            }
            for (int w = 0; w < windows.length; w++) {
                slide(t.windows[w], windows[w], step, a);
            }
        }
    }

    private void slide(Window w, int size, long step, double a) {
        while (!w.last.isEmpty() && (w.last.size() >= size || step - w.last.peekFirst()[0] > (size - 1) * spacing)) {
            w.last.removeFirst();
        }
        for (double[] before : w.last) {
            w.drop = Math.max(w.drop, before[1] - a);
            w.rise = Math.max(w.rise, a - before[1]);
        }
        w.last.addLast(new double[] {step, a});
    }

    /** All metrics at the last evaluation. */
    public StabilityGap result() {
        if (tasks.isEmpty()) {
            throw new IllegalStateException("There is no stability gap before the first evaluation.");
        }
        int k = tasks.size();
        double[] now = tasks.stream().mapToDouble(t -> t.now).toArray();
        double[] least = tasks.stream().mapToDouble(t -> t.least).toArray();
        least[k - 1] = Double.NaN;
        double lost = 0;
        for (int i = 0; i < k - 1; i++) {
            lost += tasks.get(i).atEnd - now[i];
        }
        List<StabilityGap.Windowed> each = new ArrayList<>();
        for (int w = 0; w < windows.length; w++) {
            int at = w;
            double[] drops = tasks.stream().mapToDouble(t -> t.windows[at].drop).toArray();
            double[] rises = tasks.stream().mapToDouble(t -> t.windows[at].rise).toArray();
            each.add(new StabilityGap.Windowed(
                    windows[w], drops, StabilityGap.mean(drops, k), rises, StabilityGap.mean(rises, k)));
        }
        double min = StabilityGap.mean(least, k - 1);
        return new StabilityGap(
                StabilityGap.mean(now, k),
                k == 1 ? Double.NaN : lost / (k - 1),
                least,
                min,
                StabilityGap.worstCase(now[k - 1], min, k),
                List.copyOf(each),
                StabilityGap.meanOfMeans(
                        tasks.stream().mapToDouble(t -> t.early).toArray(),
                        tasks.stream().mapToInt(t -> t.earlyPoints).toArray()));
    }
}
