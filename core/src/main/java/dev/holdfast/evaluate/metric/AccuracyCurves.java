package dev.holdfast.evaluate.metric;

import java.util.Arrays;

/**
 * Accuracy over time: what a learner knew of every task at each evaluation while it learnt one task after the other.
 * Tasks are numbered from 0 in the order in which they are learnt.
 *
 * @param step updates done at each evaluation [n], rising
 * @param task the task that was being learnt at each evaluation [n], from 0, one after the other
 * @param accuracy accuracy[evaluation][task], a share in [0, 1]; NaN before a task was seen, and only then
 * @param spacing updates between evaluations, where they are regular; some may lie nearer together (at the end of an
 *     epoch) or further apart (a curve that is dense only after switches)
 */
public record AccuracyCurves(long[] step, int[] task, double[][] accuracy, long spacing) {
    public AccuracyCurves {
        if (spacing < 1) {
            throw new IllegalArgumentException(
                    "The spacing of a curve must be >= 1 update between evaluations but is " + spacing + ".");
        }
        if (step.length != accuracy.length || task.length != accuracy.length) {
            throw new IllegalArgumentException("A curve of " + accuracy.length + " evaluations was given " + step.length
                    + " steps and " + task.length + " tasks.");
        }
        if (accuracy.length == 0) {
            throw new IllegalArgumentException("A curve needs at least one evaluation.");
        }
        for (int n = 0; n < accuracy.length; n++) {
            requireRow(n, step, task, accuracy);
        }
    }

    private static void requireRow(int n, long[] step, int[] task, double[][] accuracy) {
        double[] row = accuracy[n];
        if (row.length != accuracy[0].length) {
            throw new IllegalArgumentException("Evaluation " + n + " has " + row.length + " tasks but evaluation 0 has "
                    + accuracy[0].length + ".");
        }
        int before = n == 0 ? 0 : task[n - 1];
        boolean follows = n == 0 ? task[n] == 0 : task[n] == before || task[n] == before + 1;
        if (!follows || task[n] >= row.length) {
            throw new IllegalArgumentException("Evaluation " + n + " is made while task " + task[n]
                    + " is learnt, after one while task " + before
                    + " was; expected tasks one after the other from 0 to "
                    + (row.length - 1) + ".\nMaybe a task comes back, which these metrics do not know.");
        }
        if (n > 0 && step[n] <= step[n - 1]) {
            throw new IllegalArgumentException("Evaluation " + n + " is made after " + step[n]
                    + " updates, its predecessor after " + step[n - 1] + "; expected rising numbers.");
        }
        for (int i = 0; i < row.length; i++) {
            boolean needed = i <= task[n];
            if (needed && Double.isNaN(row[i])) {
                throw new IllegalArgumentException("Task " + i + " has no accuracy at evaluation " + n + " (step "
                        + step[n] + "), though its training has begun; a curve may miss values only before."
                        + "\nMaybe its evaluation set is empty, or an evaluation was left out.");
            }
            if (!Double.isNaN(row[i]) && !(row[i] >= 0 && row[i] <= 1)) {
                throw new IllegalArgumentException("Task " + i + " has accuracy " + row[i] + " at evaluation " + n
                        + "; expected a share in [0, 1].\nMaybe these are percent.");
            }
        }
    }

    /** Evaluations one update apart, or as far apart as the caller counts. */
    public static AccuracyCurves of(int[] task, double[][] accuracy) {
        long[] step = new long[accuracy.length];
        Arrays.setAll(step, n -> n + 1);
        return new AccuracyCurves(step, task, accuracy, 1);
    }

    /** Evaluations. */
    public int size() {
        return accuracy.length;
    }

    /** Tasks seen at the last evaluation. */
    public int tasks() {
        return task[task.length - 1] + 1;
    }

    /** The first evaluation at which the training of a task has begun. */
    int first(int ofTask) {
        int n = 0;
        while (task[n] < ofTask) {
            n++;
        }
        return n;
    }

    /** The last evaluation while a task was learnt: |T_i|. */
    int last(int ofTask) {
        int n = task.length - 1;
        while (n > 0 && task[n] > ofTask) {
            n--;
        }
        return n;
    }
}
