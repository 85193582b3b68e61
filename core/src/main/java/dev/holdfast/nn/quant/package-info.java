/** Simulated low precision: linear maps that compute with numbers of few bits and are trained in full precision. */
package dev.holdfast.nn.quant;
