"""What every language does for the parity test: parity.py CONFIG OUT WRONG_CONFIG."""

import json
import sys

import tessera as ts


def main(config_path, out, wrong):
    with ts.Trainer(ts.Config.load(config_path), out=out) as trainer:
        results = list(trainer.run())
    with ts.Generator.from_checkpoint(f"{out}/checkpoints") as generator:
        text = generator.generate("the ", max_tokens=24, temperature=0)
    try:
        ts.Config.load(wrong)
        raise SystemExit("expected an error")
    except ts.TesseraError as caught:
        error = {"code": caught.code, "path": caught.path, "file": caught.file,
                 "line": caught.line}
    print(json.dumps({"losses": [result.loss for result in results],
                      "eval_loss": results[-1].eval_loss, "text": text, "error": error}))


if __name__ == "__main__":
    main(*sys.argv[1:])
