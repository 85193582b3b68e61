package dev.holdfast.study;

import java.util.List;

public interface Study {
    Paper paper();

    String claim();

    List<Criterion> criteria();

    Findings run(StudyContext c);
}
