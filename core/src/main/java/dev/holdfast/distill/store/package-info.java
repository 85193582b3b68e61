/** Soft labels that a teacher gave once to many regions of every image: kept, cleaned, and learnt from. */
package dev.holdfast.distill.store;
