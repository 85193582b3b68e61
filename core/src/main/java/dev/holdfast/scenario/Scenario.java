package dev.holdfast.scenario;

import dev.holdfast.data.Schema;
import java.util.List;

public interface Scenario extends Iterable<Experience> {
    Schema schema();

    List<TestSet> tests();

    boolean taskIdAtTest();

    String table();
}
