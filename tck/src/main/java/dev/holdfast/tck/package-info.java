/**
 * The conformance kit: the promises of {@link dev.holdfast.learner.Learner} as tests that any learner can be run
 * through, yours too. With {@code holdfast-tck} among the test dependencies, one line does it:
 *
 * <pre>{@code
 * class MyLearnerTest {
 *     @TestFactory
 *     Stream<DynamicTest> keepsTheContract() {
 *         return LearnerContract.of(new MyLearner.Plugin()).tests();
 *     }
 * }
 * }</pre>
 *
 * <p>Every promise is checked exactly (bits, counts, messages) on small synthetic data, without a clock: resuming,
 * determinism, poisoned batches, pure predictions, predictions while learning, flat memory and cost, honest
 * capabilities, refusal of unfit scenarios and of damaged states, and exact merging and forgetting where a learner
 * offers them.
 */
package dev.holdfast.tck;
