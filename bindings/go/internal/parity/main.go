// Parity does the actions that all languages and the command line do alike, and prints what came out
// as JSON.
//
//	parity CONFIG OUT WRONG_CONFIG
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"tessera.io/tessera"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: parity CONFIG OUT WRONG_CONFIG")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(path, out, wrong string) error {
	runtime, err := tessera.NewRuntime(&tessera.RuntimeOptions{Threads: 1})
	if err != nil {
		return err
	}
	defer runtime.Close()
	config, err := tessera.LoadConfig(runtime, path)
	if err != nil {
		return err
	}
	defer config.Close()
	losses, evalLoss, err := train(config, out)
	if err != nil {
		return err
	}
	generator, err := tessera.GeneratorFromCheckpoint(runtime, out, "")
	if err != nil {
		return err
	}
	defer generator.Close()
	text, err := generator.Generate(context.Background(), "the ", &tessera.GenerateOptions{
		MaxTokens: tessera.Set[int64](24), Temperature: tessera.Set(0.0)})
	if err != nil {
		return err
	}
	_, err = tessera.LoadConfig(runtime, wrong)
	var failed *tessera.Error
	if !errors.As(err, &failed) {
		return fmt.Errorf("%s: expected an error, got %v", wrong, err)
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"losses": losses, "eval_loss": evalLoss, "text": text,
		"error": map[string]any{"code": failed.Code.String(), "path": failed.Path,
			"file": failed.File, "line": failed.Line}})
}

func train(config *tessera.Config, out string) (losses []float64, evalLoss float64, err error) {
	trainer, err := tessera.NewTrainer(config, &tessera.TrainerOptions{OutDir: out})
	if err != nil {
		return nil, 0, err
	}
	defer trainer.Close()
	for step, err := range trainer.Steps(context.Background()) {
		if err != nil {
			return nil, 0, err
		}
		losses = append(losses, step.Loss)
	}
	if evalLoss, err = trainer.Evaluate(); err != nil {
		return nil, 0, err
	}
	return losses, evalLoss, trainer.Save()
}
