package dev.holdfast.benchmarks;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** What all workers do that are timed in turns with another process: answer lines, time blocks of steps. */
final class Turns {
    private Turns() {}

    /** Answers a command, split into words. */
    @FunctionalInterface
    interface Worker {
        String answer(String[] words) throws IOException;
    }

    /** Runs as many steps as there is room for, from the start; fills in the loss and the nanoseconds of each. */
    @FunctionalInterface
    interface Steps {
        void run(double[] losses, long[] nanos);
    }

    /** Answers every line of standard input up to {@code quit}. */
    static void serve(Worker worker) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null && !line.equals("quit"); line = in.readLine()) {
            System.out.println(worker.answer(line.split(" ")));
            System.out.flush();
        }
    }

    /** Answers {@code losses K}. */
    static String losses(String[] words, Steps steps) {
        double[] losses = new double[Integer.parseInt(words[1])];
        steps.run(losses, new long[losses.length]);
        return String.join(" ", Arrays.stream(losses).mapToObj(Double::toString).toList());
    }

    /** Answers {@code run WARM N}: the median of N steps after WARM untimed ones. */
    static String run(String[] words, Steps steps) {
        int warm = Integer.parseInt(words[1]);
        long[] nanos = new long[warm + Integer.parseInt(words[2])];
        steps.run(new double[nanos.length], nanos);
        long[] timed = Arrays.copyOfRange(nanos, warm, nanos.length);
        Arrays.sort(timed);
        return Long.toString(timed[timed.length / 2]);
    }
}
