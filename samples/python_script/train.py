#!/usr/bin/env python3
"""Trains a small language model on a text, draws the loss, and lets it write.

    train.py [--text FILE] [--out FOLDER] [--steps N]

Without a text it learns from the sources of Python's own library. Interrupted (Ctrl-C) it saves;
given again it goes on.
"""

import argparse
import pathlib
import sysconfig

import tessera as ts
from tessera import configs

LEVELS = "▁▂▃▄▅▆▇█"


def python_sources(path: pathlib.Path) -> pathlib.Path:
    """A text of Python's own sources, made once."""
    if not path.exists():
        library = pathlib.Path(sysconfig.get_path("stdlib"))
        texts = [file.read_text(encoding="utf-8", errors="ignore")
                 for file in sorted(library.glob("*.py"))[:100]]
        path.write_text("\n".join(texts), encoding="utf-8")
    return path


def experiment(text: pathlib.Path, steps: int) -> ts.Config:
    """The run as a config."""
    layer = configs.TransformerLayer(attention=configs.Attention(num_heads=4),
                                     feed_forward=configs.FeedForward(hidden_dim=256))
    return ts.Config(configs.Experiment(
        model=configs.LanguageModel(vocab_size=256, model_dim=96,
                                    decoder=configs.Decoder(num_layers=2, layer=layer)),
        data=configs.Data(train=str(text), validation_fraction=0.05),
        trainer=configs.Trainer(steps=steps, batch_size=8, sequence_length=96, eval_batches=8,
                                save_every=100),
        optimizer=configs.AdamW(learning_rate=0.003),
        schedule=configs.Cosine(warmup_steps=10)))


def curve(losses: list[float]) -> str:
    """The losses as one line of text."""
    low, high = min(losses), max(losses)
    places = [int((loss - low) / max(high - low, 1e-9) * (len(LEVELS) - 1)) for loss in losses]
    return "".join(LEVELS[place] for place in places[::max(1, len(places) // 60)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out"))
    parser.add_argument("--steps", type=int, default=200)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    text = args.text or python_sources(args.out / "text.txt")
    with ts.Trainer(experiment(text, args.steps), out=args.out, resume=True) as trainer:
        for step in trainer.run():
            if step.step % 10 == 0:
                print(f"step {step.step}: loss {step.loss:.4f}, {step.tokens_per_s:.0f} tokens/s")
        if trainer.history:
            print(curve([step.loss for step in trainer.history]))
        print(f"validation loss {trainer.evaluate():.4f}")
        print("def " + trainer.generate("def ", max_tokens=80, temperature=0.8))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit("interrupted; the same command goes on") from None
    except ts.TesseraError as error:
        raise SystemExit(f"error: {error}") from None
