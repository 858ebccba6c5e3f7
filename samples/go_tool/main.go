// Go_tool trains a model from a config file and prints how it goes.
//
//	go_tool CONFIG TEXT OUT [STEPS]      e.g. ../text/gpt.json corpus.txt out 200
//
// Interrupt it (Ctrl-C) and it finishes the step, saves and ends; give the command again and it goes
// on. Checkpoints and metrics.jsonl are below OUT.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"time"

	"tessera.io/tessera"
)

func main() {
	if len(os.Args) < 4 || len(os.Args) > 5 {
		fmt.Fprintln(os.Stderr, "usage: go_tool CONFIG TEXT OUT [STEPS]")
		os.Exit(2)
	}
	steps := ""
	if len(os.Args) == 5 {
		steps = os.Args[4]
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := train(ctx, os.Args[1], os.Args[2], os.Args[3], steps); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func train(ctx context.Context, path, text, out, steps string) error {
	runtime, err := tessera.NewRuntime(nil)
	if err != nil {
		return err
	}
	defer runtime.Close()
	config, err := tessera.LoadConfig(runtime, path)
	if err != nil {
		return err
	}
	defer config.Close()
	if err := config.Set("data.train", text); err != nil {
		return err
	}
	if steps != "" {
		count, err := strconv.ParseInt(steps, 10, 64)
		if err != nil {
			return fmt.Errorf("STEPS: %w", err)
		}
		if err := config.Set("trainer.steps", count); err != nil {
			return err
		}
	}
	_, err = tessera.OpenCheckpoint(out)
	options := &tessera.TrainerOptions{OutDir: out, Resume: err == nil}
	trainer, err := tessera.NewTrainer(config, options)
	if err != nil {
		return err
	}
	defer trainer.Close()
	job, err := trainer.Run(ctx, 0)
	if err != nil {
		return err
	}
	defer job.Close()
	return follow(job, out)
}

// follow prints a line now and then until the job has ended.
func follow(job *tessera.Job, out string) error {
	printed := int64(0)
	show := func() {
		progress, err := job.Progress()
		if err == nil && progress.Last.Step > printed {
			printed = progress.Last.Step
			fmt.Printf("step %d of %d: loss %.4f, %.0f tokens/s\n", printed, progress.TotalSteps,
				progress.Last.Loss, progress.Last.TokensPerS)
		}
	}
	for ticker := time.NewTicker(200 * time.Millisecond); ; {
		select {
		case <-ticker.C:
			show()
		case <-job.Done():
			show()
			_, err := job.Wait()
			if errors.Is(err, context.Canceled) {
				fmt.Printf("interrupted; the checkpoint is in %s/checkpoints\n", out)
				return nil
			}
			return err
		}
	}
}
