package io.tessera;

/**
 * Documents from anywhere, for {@link Runtime#registerSource} and {@code data.source}. Called with each
 * entry of {@code data.train} and {@code data.validation} while a trainer opens its data; it adds the
 * documents that the entry stands for, the same ones each time: a tokenizer that learns reads them
 * twice. What it throws fails the trainer, and is the cause of the exception that says so.
 */
@FunctionalInterface
public interface DataSource {
  void read(Corpus corpus, String name) throws Exception;
}
