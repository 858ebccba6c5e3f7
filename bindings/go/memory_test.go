package tessera

import (
	"context"
	"errors"
	"math"
	"math/rand"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
)

func residentBytes(t *testing.T) int {
	t.Helper()
	runtime.GC()
	data, err := os.ReadFile("/proc/self/statm")
	ok(t, err)
	pages := must[int](t)(strconv.Atoi(strings.Fields(string(data))[1]))
	return pages * 4096
}

// growth is the least that resident memory grows in one of three runs of count cycles, after as
// many to warm up: a leak grows in each of them, an allocator that keeps pieces does not.
func growth(t *testing.T, count int, cycle func()) int {
	t.Helper()
	least := math.MaxInt
	before := 0
	for round := range 4 {
		for range count {
			cycle()
		}
		after := residentBytes(t)
		if round > 0 {
			least = min(least, after-before)
		}
		before = after
	}
	return least
}

const mostBytes = 12 << 20 // what Go's own heap and an allocator that keeps pieces may move

func TestClosingGivesEverythingBack(t *testing.T) {
	r := must[*Runtime](t)(NewRuntime(&RuntimeOptions{Threads: 1}))
	defer r.Close()
	text := corpus(t, t.TempDir())
	config := smallConfig(t, r, text)
	small := growth(t, 10_000, func() {
		copied := must[*Config](t)(config.Copy())
		graph := must[*Graph](t)(NewGraph(r))
		tensor := must[*Tensor](t)(Zeros(F32, 1000))
		var steps int
		if err := copied.Get("trainer.stepz", &steps); !errors.Is(err, NotFound) {
			t.Fatal(err)
		}
		copied.Close()
		graph.Close()
		tensor.Close()
	})
	expect(t, small < mostBytes, small)
	random := rand.New(rand.NewSource(7))
	large := growth(t, 20, func() { oneOfEach(t, text, random) })
	expect(t, large < mostBytes, large)
}

// oneOfEach makes a runtime with all that is made from it, and closes it in some order.
func oneOfEach(t *testing.T, corpus string, random *rand.Rand) {
	t.Helper()
	r := must[*Runtime](t)(NewRuntime(&RuntimeOptions{Threads: 1}))
	ok(t, r.RegisterModule(rmsSchema, "RmsFeedForward", rmsFeedForward))
	config := must[*Config](t)(NewConfig(r, fields{
		"model": fields{"type": "LanguageModel", "vocab_size": 256, "model_dim": 16,
			"decoder": fields{"num_layers": 1, "layer": fields{
				"attention":    fields{"num_heads": 2},
				"feed_forward": fields{"type": "RmsFeedForward", "hidden_dim": 32}}}},
		"data":    fields{"tokenizer": "ByteTokenizer", "train": corpus},
		"trainer": fields{"steps": 50, "batch_size": 2, "sequence_length": 16},
	}))
	trainer := must[*Trainer](t)(NewTrainer(config, nil))
	ok(t, trainer.AddSink(func([]byte) {}))
	must[Step](t)(trainer.Step())
	generator := must[*Generator](t)(trainer.Generator())
	program := must[*Program](t)(ProgramFromConfig(config, nil))
	job := must[*Job](t)(trainer.Run(context.Background(), 0))
	all := []interface{ Close() error }{r, config, trainer, generator, program, job}
	random.Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] })
	for _, each := range all {
		ok(t, each.Close())
	}
	<-job.Done()
}

func TestWhatIsForgottenIsFreed(t *testing.T) {
	const count = 200
	more := growth(t, 3, func() {
		for range count {
			must[*Tensor](t)(Zeros(F32, 1<<18)) // 1 MiB, which the collector does not see
		}
		for range 5 {
			runtime.GC()
		}
	})
	expect(t, more < count<<20, more)
}

func TestClosingWhileOthersCallIsSafe(t *testing.T) {
	for range 200 {
		tensor := must[*Tensor](t)(Zeros(F32, 100))
		var all sync.WaitGroup
		for range 2 {
			all.Add(1)
			go func() {
				defer all.Done()
				for tensor.Dims() != nil {
				}
			}()
		}
		tensor.Close()
		all.Wait()
	}
}
