package dev.holdfast.optim;

import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import java.util.Map;
import java.util.function.Supplier;

/** moments: read-only (04 SpikeClip); again re-evaluates the same batch at the current values (21 SAM; the learner's closure may filter rows). */
public record StepContext(long step, Parameters params, Map<String, ParamVector> moments, Supplier<Evaluated> again) {}
