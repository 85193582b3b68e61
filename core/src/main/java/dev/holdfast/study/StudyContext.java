package dev.holdfast.study;

import dev.holdfast.data.Dataset;
import dev.holdfast.run.RunContext;
import java.util.List;

public interface StudyContext extends RunContext {
    Budget budget();

    List<Long> seeds();

    Dataset data(String name);

    enum Budget {
        SMOKE,
        QUICK,
        FULL
    }
}
