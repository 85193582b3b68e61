package com.example.lookback;

import dev.holdfast.tck.LearnerContract;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

class LookBackTest {
    @TestFactory
    Stream<DynamicTest> keepsTheContract() {
        return LearnerContract.of(new LookBack.Plugin()).tests();
    }
}
