package io.tessera;

import java.util.Optional;

/** How far a job is; {@code last} is the last step, when there was one. */
public record Progress(boolean isDone, long step, long totalSteps, Optional<Step> last) {
  static Progress of(long[] fields) {
    Step last = Step.of(fields, 3);
    return new Progress(fields[0] != 0, fields[1], fields[2],
        last.step() > 0 ? Optional.of(last) : Optional.empty());
  }
}
