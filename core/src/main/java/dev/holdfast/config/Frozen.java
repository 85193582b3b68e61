package dev.holdfast.config;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * A contract that others build on: what it has stays as it is. Its public signatures are recorded with the tests, so that
 * a change is a decision and not an accident; what is added to an interface must have a default.
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
public @interface Frozen {}
