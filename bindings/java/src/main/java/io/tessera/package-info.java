/**
 * Compose, train and run large models inside your program.
 *
 * <p>A model is a {@link io.tessera.Config}; a {@link io.tessera.Trainer} trains it, a {@link
 * io.tessera.Generator} writes text with it, a {@link io.tessera.Program} runs it on tensors, with
 * gradients if wanted. Parts of one's own are lambdas: {@link io.tessera.Runtime#registerModule}
 * and {@link io.tessera.Runtime#registerOp}.
 *
 * <p>What is AutoCloseable owns native memory: close it, in any order; {@link io.tessera.Leaks}
 * reports what was forgotten. Nothing that a lambda throws goes through the library: it becomes the
 * cause of a {@link io.tessera.TesseraException}.
 */
package io.tessera;
