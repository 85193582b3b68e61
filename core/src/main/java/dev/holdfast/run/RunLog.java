package dev.holdfast.run;

public interface RunLog {
    void put(String metric, int task, Moment m, double value);

    double[][] square(String metric);
}
