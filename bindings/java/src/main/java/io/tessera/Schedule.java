package io.tessera;

/**
 * The factor on the learning rate of optimizer step number {@code step + 1}, for
 * {@link Runtime#registerSchedule}. Called once a step, on the thread that steps; the same each time.
 * What it throws fails the step, and is the cause of the exception that says so.
 */
@FunctionalInterface
public interface Schedule {
  double factor(ModuleConfig config, long step, long totalSteps) throws Exception;
}
