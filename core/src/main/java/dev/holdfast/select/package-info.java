/** Which rows or classes to ask about, when every answer costs. */
package dev.holdfast.select;
