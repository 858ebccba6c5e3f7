package io.tessera;

import java.util.OptionalDouble;

/**
 * What one step reports.
 *
 * @param step from 1
 * @param loss mean over the target tokens of the global batch
 * @param gradNorm before clipping
 * @param tokens of all steps so far
 * @param evalLoss when this step evaluated
 * @param isSkipped the gradient was not finite and the step was not applied
 */
public record Step(long step, double loss, double gradNorm, double learningRate, long tokens,
    double tokensPerS, double stepS, OptionalDouble evalLoss, boolean isSkipped) {
  static final int FIELDS = 9;

  /** As native/arrays.h writes it at {@code fields[at...]}. */
  static Step of(long[] fields, int at) {
    double evalLoss = Double.longBitsToDouble(fields[at + 8]);
    return new Step(fields[at + 1], Double.longBitsToDouble(fields[at + 2]),
        Double.longBitsToDouble(fields[at + 3]), Double.longBitsToDouble(fields[at + 4]),
        fields[at + 5], Double.longBitsToDouble(fields[at + 6]),
        Double.longBitsToDouble(fields[at + 7]),
        Double.isNaN(evalLoss) ? OptionalDouble.empty() : OptionalDouble.of(evalLoss),
        fields[at] != 0);
  }
}
