package dev.holdfast.tck;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.registry.Registry;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Every learner that the registry knows keeps the contract. */
class RegisteredLearnersTest {
    @TestFactory
    Stream<DynamicTest> keepTheContract() {
        return Registry.load().learners().stream().flatMap(RegisteredLearnersTest::tests);
    }

    private static Stream<DynamicTest> tests(LearnerPlugin<?> plugin) {
        return LearnerContract.of(plugin).tests();
    }

    @Test
    void noneIsForgotten() {
        assertThat(Registry.load().learners()).extracting(LearnerPlugin::name).hasSizeGreaterThanOrEqualTo(16);
    }
}
