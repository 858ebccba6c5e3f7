package io.tessera;

import java.util.List;

/**
 * Builds a part of a model op by op, for {@link Runtime#registerModule}. Called while a model is
 * traced, on the thread that traces; it must be pure: the same config and inputs give the same
 * calls. What it throws fails the trace, and is the cause of the exception that says so.
 */
@FunctionalInterface
public interface Module {
  List<Value> build(Scope scope, ModuleConfig config, List<Value> inputs) throws Exception;
}
