package io.tessera;

import java.util.List;

/**
 * Builds the update of a parameter op by op, for {@link Runtime#registerOptimizer}: the new parameter,
 * then the new slots. Called while a program is compiled, on that thread; it must be pure. What it
 * throws fails the compilation, and is the cause of the exception that says so.
 */
@FunctionalInterface
public interface Optimizer {
  List<Value> update(Scope scope, Update update) throws Exception;
}
