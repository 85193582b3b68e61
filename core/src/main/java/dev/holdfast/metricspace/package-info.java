/** Labels that live in a metric space: distances, prediction by them, which labels can be answered, what to collect next. */
package dev.holdfast.metricspace;
