package dev.holdfast.optim;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import java.util.Map;
import java.util.function.Supplier;

/**
 * What a transform or a rule may look at.
 *
 * @param step number of updates made before this one
 * @param params the leaves that will move
 * @param moments moments of the rule, read-only
 * @param again re-evaluates the same batch at the present values, or null
 */
@Frozen
public record StepContext(long step, Parameters params, Map<String, ParamVector> moments, Supplier<Evaluated> again) {}
