/**
 * Tuning on top of training: hypergradients by implicit differentiation, BO-REP and its baselines, and weights for rows
 * whose labels may be wrong.
 */
package dev.holdfast.bilevel;
