package dev.holdfast.nn.weight;

import dev.holdfast.nn.WeightSource;
import java.util.Map;

public record Ledger(Map<String, WeightSource.Cost> bySite, WeightSource.Cost total) {}
