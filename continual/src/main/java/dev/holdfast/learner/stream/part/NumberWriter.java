package dev.holdfast.learner.stream.part;

import java.util.Arrays;

/** The numbers of a state one after the other, exactly; {@link NumberReader} gives them back in the same order. */
public final class NumberWriter {
    private double[] numbers = new double[256];
    private int size;

    /** Adds a number, or a whole number below 2^53. */
    public NumberWriter add(double x) {
        if (size == numbers.length) {
            numbers = Arrays.copyOf(numbers, 2 * size);
        }
        numbers[size++] = x;
        return this;
    }

    public NumberWriter add(boolean b) {
        return add(b ? 1 : 0);
    }

    /** Adds a length and as many numbers. */
    public NumberWriter add(double[] a) {
        add(a.length);
        for (double x : a) {
            add(x);
        }
        return this;
    }

    /** Adds a length and as many numbers. */
    public NumberWriter add(float[] a) {
        add(a.length);
        for (float x : a) {
            add(x);
        }
        return this;
    }

    /** Adds a length and as many whole numbers. */
    public NumberWriter add(int[] a) {
        add(a.length);
        for (int x : a) {
            add(x);
        }
        return this;
    }

    /** Adds a length and as many whole numbers. */
    public NumberWriter add(long[] a) {
        add(a.length);
        for (long x : a) {
            add(x);
        }
        return this;
    }

    /** All that was added. */
    public double[] toArray() {
        return Arrays.copyOf(numbers, size);
    }
}
