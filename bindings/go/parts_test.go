package tessera

// A data source, an optimizer and a schedule of one's own: program and losses as built in.

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"
)

const sgdSchema = `
/// Stochastic gradient descent with momentum.
table HostSgd (role: "optimizer") {
  learning_rate: double = 0.01;
  momentum: double = 0.9;
  weight_decay: double = 0;
}
`

const fallSchema = `
/// A straight line to nothing.
table HostFall (role: "schedule") { warmup_steps: long = 0; }
`

func sgdConfig(t *testing.T, r *Runtime, path string) *Config {
	t.Helper()
	config := smallConfig(t, r, path)
	ok(t, config.Set("optimizer", fields{"type": "Sgd", "learning_rate": 0.05, "momentum": 0.9,
		"weight_decay": 0.1}))
	ok(t, config.Set("schedule", fields{"type": "LinearDecay", "warmup_steps": 0,
		"min_lr_ratio": 0}))
	return config
}

func lossesOf(t *testing.T, config *Config) (found []float64) {
	t.Helper()
	trainer := must[*Trainer](t)(NewTrainer(config, nil))
	defer trainer.Close()
	for step, err := range trainer.Steps(context.Background()) {
		ok(t, err)
		found = append(found, step.Loss, step.LearningRate)
	}
	return found
}

func TestPartsTrainAsTheBuiltInOnes(t *testing.T) {
	r := checkedRuntime(t)
	path := corpus(t, t.TempDir())
	text := string(must[[]byte](t)(os.ReadFile(path)))
	ok(t, r.RegisterSource("memory", func(corpus *Corpus, name string) error {
		expect(t, name == "anything", name)
		return corpus.AddText(text)
	}))
	ok(t, r.RegisterOptimizer(sgdSchema, "HostSgd", []string{"momentum"},
		func(scope *Scope, update Update) ([]Value, error) {
			var read struct {
				Momentum float64 `json:"momentum"`
			}
			if err := update.Config.Read(&read); err != nil {
				return nil, err
			}
			expect(t, update.DType == "f32" && len(update.Dims) > 0, update)
			return scope.AddMany("sgd_update",
				Attrs{"momentum": read.Momentum, "weight_decay": update.WeightDecay},
				update.Param, update.Gradient, update.Slots[0], update.LearningRate, update.Step,
				update.Clip), nil
		}))
	ok(t, r.RegisterSchedule(fallSchema, "HostFall",
		func(config ModuleConfig, step, totalSteps int64) (float64, error) {
			return 1 - float64(step)/float64(totalSteps), nil
		}))
	plain, custom := sgdConfig(t, r, path), sgdConfig(t, r, "anything")
	ok(t, custom.Set("data.source", "memory"))
	ok(t, custom.Set("optimizer", fields{"type": "HostSgd", "learning_rate": 0.05,
		"weight_decay": 0.1}))
	ok(t, custom.Set("schedule", fields{"type": "HostFall"}))
	options := &PlanOptions{Text: true}
	first, second := must[[]byte](t)(rawPlan(plain, options)), must[[]byte](t)(rawPlan(custom, options))
	expect(t, string(first) == string(second), string(second))
	expected := lossesOf(t, plain)
	expect(t, len(expected) == 12, expected)
	got := lossesOf(t, custom)
	expect(t, slices.Equal(got, expected), got, expected)
}

func rawPlan(config *Config, options *PlanOptions) ([]byte, error) {
	plan, err := config.Plan(options)
	return []byte(plan), err
}

func TestErrorsAndPanicsOfPartsAreThoseOfTheCall(t *testing.T) {
	r := checkedRuntime(t)
	path := corpus(t, t.TempDir())
	mine := errors.New("no line")
	var kept *Corpus
	ok(t, r.RegisterSource("refuses", func(corpus *Corpus, name string) error {
		kept = corpus
		return mine
	}))
	ok(t, r.RegisterSource("panics", func(*Corpus, string) error { panic("at the disco") }))
	ok(t, r.RegisterSource("mixed", func(corpus *Corpus, name string) error {
		if err := corpus.AddTokens([]uint32{1, 2, 3}); err != nil {
			return err
		}
		if err := corpus.AddNarrowTokens([]uint16{4, 5}); err != nil {
			return err
		}
		return corpus.AddText("text")
	}))
	for source, part := range map[string]string{"refuses": "no line", "panics": "at the disco",
		"mixed": "one or the other"} {
		config := sgdConfig(t, r, path)
		ok(t, config.Set("data.source", source))
		_, err := NewTrainer(config, nil)
		expect(t, err != nil && (source != "refuses" || errors.Is(err, mine)), err)
		code := Unknown
		if source == "mixed" {
			code = InvalidArgument
		}
		fails(t, err, code, part)
	}
	fails(t, kept.AddText("late"), FailedPrecondition, "corpus")
	fails(t, r.RegisterSource("text", func(*Corpus, string) error { return nil }), AlreadyExists, "text")
	fails(t, r.RegisterSource("nil", nil), InvalidArgument, "source")
	fails(t, r.RegisterOptimizer(sgdSchema, "HostSgd", nil, nil), InvalidArgument, "optimizer")
	fails(t, r.RegisterSchedule(fallSchema, "HostFall", nil), InvalidArgument, "schedule")
	_, err := r.LoadPlugin(path)
	fails(t, err, PermissionDenied, "plugins")
	open := must[*Runtime](t)(NewRuntime(&RuntimeOptions{Threads: 1, Plugins: true}))
	defer open.Close()
	_, err = open.LoadPlugin(path)
	fails(t, err, FailedPrecondition, "does not load")
}
