package tessera

// Every noun once, through the library: what it gives, what it refuses, and what the language adds:
// contexts, errors.Is and errors.As, functions that panic, closing in any order.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const rmsSchema = `
/// A gated feed-forward layer that brings its own norm.
table RmsFeedForward (role: "feed_forward") {
  model_dim: long (flows: "model_dim", required_field, min: "1");
  hidden_dim: long (required_field, min: "1", max: "1000000");
}
`

// rmsFeedForward is the layer of samples/custom_layer: y = (silu(n gate) * (n up)) down, where
// n = x / rms(x) * scale.
func rmsFeedForward(scope *Scope, config ModuleConfig, inputs []Value) ([]Value, error) {
	var sizes struct {
		Model  int64 `json:"model_dim"`
		Hidden int64 `json:"hidden_dim"`
	}
	if err := config.Read(&sizes); err != nil {
		return nil, err
	}
	scale := scope.Param("scale", Constant(1), sizes.Model)
	gate := scope.Param("gate/weight", Normal(0.02), sizes.Model, sizes.Hidden)
	up := scope.Param("up/weight", Normal(0.02), sizes.Model, sizes.Hidden)
	down := scope.Param("down/weight", Normal(0.02), sizes.Hidden, sizes.Model)
	n := scope.Add("rms_norm", nil, inputs[0], scale)
	h := scope.Add("glu", Attrs{"activation": "silu"},
		scope.Add("matmul", nil, n, gate), scope.Add("matmul", nil, n, up))
	return []Value{scope.Add("matmul", nil, h, down)}, scope.Err()
}

func must[T any](t *testing.T) func(value T, err error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func fails(t *testing.T, err error, code Code, part string) *Error {
	t.Helper()
	var failed *Error
	if !errors.As(err, &failed) || !errors.Is(err, code) || !strings.Contains(err.Error(), part) {
		t.Fatalf("expected %v with '%s', got %v", code, part, err)
	}
	return failed
}

func expect(t *testing.T, condition bool, got ...any) {
	t.Helper()
	if !condition {
		t.Fatal(append([]any{"got"}, got...)...)
	}
}

func checkedRuntime(t *testing.T) *Runtime {
	t.Helper()
	r := must[*Runtime](t)(NewRuntime(&RuntimeOptions{Threads: 2, Checked: true}))
	t.Cleanup(func() { r.Close() })
	return r
}

func corpus(t *testing.T, folder string) string {
	t.Helper()
	var text strings.Builder
	for i := range 400 {
		fmt.Fprintf(&text, "line %d: the quick brown fox jumps over the lazy dog.\n", i%10)
	}
	path := filepath.Join(folder, "corpus.txt")
	ok(t, os.WriteFile(path, []byte(text.String()), 0o600))
	return path
}

type fields = map[string]any

func smallConfig(t *testing.T, r *Runtime, corpus string) *Config {
	t.Helper()
	config := must[*Config](t)(NewConfig(r, fields{
		"model": fields{"type": "LanguageModel", "vocab_size": 256, "model_dim": 16,
			"decoder": fields{"num_layers": 2, "layer": fields{
				"attention":    fields{"num_heads": 2},
				"feed_forward": fields{"hidden_dim": 32}}}},
		"data": fields{"tokenizer": "ByteTokenizer", "validation_fraction": 0.1,
			"train": corpus},
		"trainer":   fields{"steps": 6, "batch_size": 2, "sequence_length": 16},
		"optimizer": fields{"learning_rate": 0.01},
		"runtime":   fields{"seed": 1, "dtype": "fp32"},
	}))
	t.Cleanup(func() { config.Close() })
	return config
}

func TestVersionsAndCatalogue(t *testing.T) {
	expect(t, Version() == "0.1.0", Version())
	expect(t, json.Valid([]byte(must[string](t)(BuildInfo()))))
	r := checkedRuntime(t)
	expect(t, strings.Contains(must[string](t)(r.Describe()), `"threads"`))
	expect(t, bytes.Contains(must[json.RawMessage](t)(r.List("ops")), []byte("matmul")))
	found := must[json.RawMessage](t)(r.DescribeType("FeedForward"))
	expect(t, bytes.Contains(found, []byte("hidden_dim")))
	_, err := r.DescribeType("FeedForwrd")
	fails(t, err, NotFound, "FeedForward")
	_, err = NewRuntime(&RuntimeOptions{ISA: "z80"})
	fails(t, err, InvalidArgument, "z80")
	expect(t, Code(77).String() == "CODE_77" && DataLoss.String() == "DATA_LOSS")
}

func TestConfigs(t *testing.T) {
	r := checkedRuntime(t)
	config := smallConfig(t, r, "corpus.txt")
	var steps int
	ok(t, config.Get("trainer.steps", &steps))
	expect(t, steps == 6, steps)
	before := must[*Config](t)(config.Copy())
	defer before.Close()
	ok(t, config.Set("trainer.steps", 7))
	ok(t, config.Set("data.train", "øther.txt"))
	ok(t, config.SetText("runtime.dtype", "bf16"))
	ok(t, config.Set("model.decoder.layer.feed_forward", fields{"hidden_dim": 24}))
	var files []string
	ok(t, config.Get("data.train", &files))
	expect(t, slices.Equal(files, []string{"øther.txt"}), files)
	fails(t, config.Get("trainer.steps", &files), InvalidArgument, "trainer.steps")
	expect(t, strings.Contains(must[string](t)(before.Diff(config)), "trainer.steps"))
	expect(t, strings.Contains(must[string](t)(config.JSON()), "bf16"))
	expect(t, strings.Contains(must[string](t)(config.Explain()), "hidden_dim"))
	expect(t, json.Valid(must[json.RawMessage](t)(config.Resolve())))
	expect(t, json.Valid(must[json.RawMessage](t)(config.Plan(nil))))
	expect(t, json.Valid(must[json.RawMessage](t)(config.Plan(&PlanOptions{Text: true}))))
	again := must[*Config](t)(ConfigFromBytes(r, must[[]byte](t)(config.Bytes())))
	defer again.Close()
	expect(t, must[string](t)(again.Diff(config)) == "")
	_, err := ConfigFromBytes(r, []byte("nonsense"))
	expect(t, err != nil)
	_, err = ConfigFromBytes(r, nil)
	expect(t, err != nil)
	_, err = LoadConfig(r, "/nowhere/at/all.json")
	fails(t, err, NotFound, "/nowhere")
	_, err = NewConfig(r, func() {})
	fails(t, err, InvalidArgument, "unsupported type")
}

func TestModifiersEditConfigsAllOrNothing(t *testing.T) {
	r := checkedRuntime(t)
	expect(t, json.Valid(must[json.RawMessage](t)(r.JSONSchema())))
	config := smallConfig(t, r, "corpus.txt")
	report := must[json.RawMessage](t)(config.Modify(
		fields{"replace": "any position", "with": "LearnedPosition"}))
	expect(t, bytes.Contains(report, []byte("model.decoder.position")), string(report))
	var position string
	ok(t, config.Get("model.decoder.position.type", &position))
	expect(t, position == "LearnedPosition", position)
	before := must[string](t)(config.JSON())
	_, err := config.ModifyText(`[
{"set": {"hidden_dim": 48}, "in": "FeedForward"},
{"set": {"num_head": 3}, "in": "Attention"}]`, "m.json")
	failed := fails(t, err, InvalidArgument, "num_heads")
	expect(t, failed.File == "m.json" && failed.Line == 3, failed)
	expect(t, must[string](t)(config.JSON()) == before)
}

func TestErrorsOfConfigsNameFileLineAndPath(t *testing.T) {
	text := "{\n  \"trainer\": {\n    \"stepz\": 3,\n    \"batch_size\": \"x\"\n  }\n}\n"
	_, err := ParseConfig(checkedRuntime(t), text, "mine.json")
	failed := fails(t, err, InvalidArgument, "did you mean 'steps'")
	expect(t, failed.File == "mine.json" && failed.Line == 3 && failed.Path == "trainer.stepz",
		failed)
	expect(t, failed.Rank == -1 && !failed.Retryable && !errors.Is(err, NotFound))
	var details struct{ Errors []fields }
	ok(t, json.Unmarshal(failed.Details, &details))
	expect(t, len(details.Errors) >= 2, details)
}

func TestTensors(t *testing.T) {
	tensor := must[*Tensor](t)(NewTensor([]float32{1, 2, 3, 4, 5, 6}, 2, 3))
	expect(t, tensor.String() == "f32[2,3]", tensor)
	ok(t, View(tensor, func(data []float32) error {
		data[0] = 7
		return nil
	}))
	expect(t, slices.Equal(must[[]float32](t)(tensor.Floats()), []float32{7, 2, 3, 4, 5, 6}))
	_, err := Data[float64](tensor)
	fails(t, err, InvalidArgument, "expected f64, got f32")
	managed, err := tensor.ToDLPack()
	ok(t, err)
	ok(t, tensor.Close())
	ok(t, tensor.Close())
	fails(t, View(tensor, func([]float32) error { return nil }), FailedPrecondition, "closed")
	shared := must[*Tensor](t)(FromDLPack(managed))
	defer shared.Close()
	expect(t, must[[]float32](t)(Data[float32](shared))[0] == 7)
	managed, err = shared.ToDLPack()
	ok(t, err)
	DeleteDLPack(managed)

	check(t, []float64{0.5}, nil)
	check(t, []int64{1, -2}, []int64{2})
	check(t, []int32{1, -2, 3}, []int64{3}) // not every second one
	check(t, []int8{-1, 2}, []int64{1, 2})
	check(t, []uint32{1 << 31}, []int64{1})
	check(t, []uint16{65535, 1}, []int64{2})
	check(t, []uint8{255, 0, 1}, []int64{3})
	check(t, []float32{}, []int64{0, 5})
	half := must[*Tensor](t)(Zeros(BF16, 1))
	ok(t, half.ViewBytes(func(data []byte) error {
		data[0], data[1] = 0xc0, 0x3f
		return nil
	}))
	expect(t, must[[]float32](t)(half.Floats())[0] == 1.5)
	expect(t, halfToFloat(0x7bff) == 65504 && halfToFloat(0x8001) == -0x1p-24)
	expect(t, math.IsInf(float64(halfToFloat(0xfc00)), -1))
	_, err = NewTensor([]int32{1, 2, 3}, 2, 2)
	fails(t, err, InvalidArgument, "expected as many elements")
	for _, dims := range [][]int64{{-1}, make([]int64, 9), {math.MaxInt64, 2}} {
		_, err = Zeros(F32, dims...)
		expect(t, err != nil, dims)
	}
}

func check[T Element](t *testing.T, data []T, dims []int64) {
	t.Helper()
	tensor := must[*Tensor](t)(NewTensor(data, dims...))
	defer tensor.Close()
	expect(t, slices.Equal(must[[]T](t)(Data[T](tensor)), data), tensor)
	expect(t, slices.Equal(tensor.Dims(), dims) && tensor.DType() == dtypeOf[T](), tensor)
}

// squareGraph is y = x w, with the squared sum of y as loss.
func squareGraph(t *testing.T, r *Runtime) *Graph {
	t.Helper()
	value := must[Value](t)
	graph := must[*Graph](t)(NewGraph(r))
	x := value(graph.Input("x", F64, "B,2"))
	w := value(graph.Param("w", F64, "2,1", Constant(0.5)))
	y := value(graph.Add("matmul", nil, x, w))
	expect(t, must[string](t)(graph.Type(y)) == "f64[B,1]")
	squares := value(graph.Add("mul", nil, y, y))
	sum := value(graph.Add("reduce_sum", Attrs{"dims": []int{0, 1}}, squares))
	one := value(graph.Add("fill", Attrs{"value": 1, "dtype": "f64", "shape": ""}))
	ok(t, graph.Output("y", y))
	ok(t, graph.Loss("square", sum, one, 1))
	return graph
}

func TestGraphsAndGradients(t *testing.T) {
	r := must[*Runtime](t)(NewRuntime(&RuntimeOptions{Threads: 1, Checked: true}))
	made := squareGraph(t, r)
	graph := must[*Graph](t)(GraphFromBytes(r, must[[]byte](t)(made.Bytes())))
	expect(t, strings.Contains(must[string](t)(graph.Text()), "matmul"))
	_, err := graph.Add("matmull", nil)
	fails(t, err, NotFound, "matmul")
	program := must[*Program](t)(ProgramFromGraph(graph, &ProgramOptions{Gradients: true}))
	defer program.Close()
	made.Close()
	graph.Close()
	r.Close() // the program keeps alive what it needs
	x := must[*Tensor](t)(NewTensor([]float64{1, 2, 3, 5}, 2, 2))
	inputs := map[string]*Tensor{"x": x}
	loss, outputs, err := program.RunWithGradients(inputs)
	ok(t, err)
	expect(t, loss == 1.5*1.5+16, loss)
	expect(t, slices.Equal(must[[]float64](t)(Data[float64](outputs["y"])), []float64{1.5, 4}))
	expect(t, len(outputs) == 2, outputs)
	ok(t, outputs.Close())
	gradient := must[*Tensor](t)(program.Gradient("w")) // d/dw sum y^2 = 2 x^T y
	expect(t, slices.Equal(must[[]float64](t)(Data[float64](gradient)), []float64{27, 46}))
	w := must[*Tensor](t)(NewTensor([]float64{1, 0}, 2, 1))
	ok(t, program.SetParam("w", w))
	again := must[*Tensor](t)(program.Param("w"))
	expect(t, slices.Equal(must[[]float64](t)(Data[float64](again)), []float64{1, 0}))
	outputs = must[Outputs](t)(program.Run(inputs))
	expect(t, slices.Equal(must[[]float64](t)(Data[float64](outputs["y"])), []float64{1, 3}))
	_, err = program.Param("v")
	fails(t, err, NotFound, "w")
	for name, tensor := range map[string]*Tensor{"y": x, "x\x00": x, "x": nil} {
		_, err = program.Run(map[string]*Tensor{name: tensor})
		fails(t, err, InvalidArgument, "input")
	}
	expect(t, strings.Contains(must[string](t)(program.Text()), "matmul"))
	description := must[*ProgramDescription](t)(program.Describe())
	expect(t, description.Parameters[0].Path == "w" && description.Losses[0].Weight == 1,
		description)
}

func TestModulesOfTheCatalogueInAGraph(t *testing.T) {
	r := checkedRuntime(t)
	module := must[*Config](t)(NewConfig(r,
		fields{"type": "FeedForward", "model_dim": 4, "hidden_dim": 6}))
	defer module.Close()
	graph := must[*Graph](t)(NewGraph(r))
	defer graph.Close()
	x := must[Value](t)(graph.Input("x", F64, "B,T,4"))
	made := must[[]Value](t)(graph.Call(module, "ff", nil, x))
	expect(t, len(made) == 1 && must[string](t)(graph.Type(made[0])) == "f64[B,T,4]", made)
	ok(t, graph.Output("y", made[0]))
	_, err := graph.Call(module, "ff2", &CallOptions{Mode: "nonsense"}, x)
	fails(t, err, InvalidArgument, "nonsense")
	program := must[*Program](t)(ProgramFromGraph(graph, nil))
	defer program.Close()
	down := must[*Tensor](t)(program.Param("ff/down_proj/weight"))
	expect(t, slices.Equal(down.Dims(), []int64{6, 4}), down)
	zeros := must[*Tensor](t)(Zeros(F64, 1, 2, 4))
	outputs := must[Outputs](t)(program.Run(map[string]*Tensor{"x": zeros}))
	expect(t, slices.Equal(outputs["y"].Dims(), []int64{1, 2, 4}), outputs)
}

func TestImportsAndExportsAreJobs(t *testing.T) {
	folder, r, ctx := t.TempDir(), checkedRuntime(t), context.Background()
	at := func(name string) string { return filepath.Join(folder, name) }
	job := must[*Job](t)(ImportCheckpoint(ctx, r, at("none"), at("again")))
	_, err := job.Wait()
	fails(t, err, NotFound, "none")
	_, err = job.Report()
	fails(t, err, FailedPrecondition, "")
	config := smallConfig(t, r, corpus(t, folder))
	ok(t, config.Set("model.decoder.position", "RotaryPosition"))
	trainer := must[*Trainer](t)(NewTrainer(config, nil))
	defer trainer.Close()
	ok(t, trainer.SaveTo(at("saved")))
	job = must[*Job](t)(ExportCheckpoint(ctx, r, at("saved"), at("hf"), nil))
	must[Progress](t)(job.Wait())
	var report struct{ Tensors int }
	ok(t, json.Unmarshal(must[json.RawMessage](t)(job.Report()), &report))
	expect(t, report.Tensors > 0, report)
	job = must[*Job](t)(ImportCheckpoint(ctx, r, at("hf"), at("again")))
	must[Progress](t)(job.Wait())
	read := func(name string) []float32 {
		checkpoint := must[*Checkpoint](t)(OpenCheckpoint(at(name)))
		return must[[]float32](t)(must[*Tensor](t)(checkpoint.Read("embedding/weight")).Floats())
	}
	expect(t, slices.Equal(read("saved"), read("again")))
}

func TestTrainingSavingLoadingAndGenerating(t *testing.T) {
	folder, r, ctx := t.TempDir(), checkedRuntime(t), context.Background()
	config := smallConfig(t, r, corpus(t, folder))
	out, saved := filepath.Join(folder, "out"), filepath.Join(folder, "copy")
	trainer := must[*Trainer](t)(NewTrainer(config, &TrainerOptions{OutDir: out}))
	defer trainer.Close()
	var records atomic.Int32
	ok(t, trainer.AddSink(func(record []byte) {
		if json.Valid(record) {
			records.Add(1)
		}
	}))
	var losses []float64
	for step, err := range trainer.Steps(ctx) {
		ok(t, err)
		losses = append(losses, step.Loss)
		expect(t, step.Tokens == 32*step.Step && math.IsNaN(step.EvalLoss) && !step.Skipped, step)
	}
	expect(t, len(losses) == 6 && records.Load() == 6, losses)
	_, err := trainer.Step()
	fails(t, err, OutOfRange, "")
	expect(t, must[float64](t)(trainer.Evaluate()) > 0)
	expect(t, bytes.Contains(must[json.RawMessage](t)(trainer.Describe()), []byte(`"step":6`)))
	_, err = trainer.Profile()
	fails(t, err, FailedPrecondition, "trainer.profile")
	ok(t, trainer.Save())
	ok(t, trainer.SaveTo(saved))
	fails(t, trainer.SaveTo(saved), AlreadyExists, saved)
	fails(t, trainer.SaveTo(""), InvalidArgument, "path")

	greedy := &GenerateOptions{MaxTokens: Set[int64](12), Temperature: Set(0.0)}
	shared := must[*Generator](t)(trainer.Generator())
	defer shared.Close()
	text := must[string](t)(shared.Generate(ctx, "the ", greedy))
	loaded := must[*Generator](t)(GeneratorFromCheckpoint(r, out, ""))
	defer loaded.Close()
	streamed := ""
	for piece, err := range loaded.Stream(ctx, "the ", greedy) {
		ok(t, err)
		streamed += piece
	}
	expect(t, text == streamed && text != "", text, streamed)
	for range loaded.Stream(ctx, "the ", greedy) {
		break
	}
	expect(t, must[string](t)(loaded.Generate(ctx, "the ", greedy)) == text)

	checkCheckpoint(t, r, out, saved)
	fresh := must[*Trainer](t)(NewTrainer(config, nil))
	defer fresh.Close()
	expect(t, must[Step](t)(fresh.Step()).Loss == losses[0])
	ok(t, fresh.Load(saved))
	expect(t, bytes.Contains(must[json.RawMessage](t)(fresh.Describe()), []byte(`"step":6`)))
}

func checkCheckpoint(t *testing.T, r *Runtime, out, saved string) {
	t.Helper()
	checkpoint := must[*Checkpoint](t)(VerifyCheckpoint(out))
	expect(t, checkpoint.Step == 6, checkpoint.Step)
	expect(t, must[*Checkpoint](t)(OpenCheckpoint(out)).Path == checkpoint.Path)
	embedding := must[*Tensor](t)(checkpoint.Read("embedding/weight"))
	program := must[*Program](t)(ProgramFromCheckpoint(r, saved, nil))
	defer program.Close()
	param := must[*Tensor](t)(program.Param("embedding/weight"))
	expect(t, slices.Equal(must[[]float32](t)(Data[float32](param)),
		must[[]float32](t)(Data[float32](embedding))))
	_, err := checkpoint.Read("embedding/wait")
	fails(t, err, NotFound, "embedding/wait")
	at := slices.IndexFunc(checkpoint.Tensors, func(i TensorInfo) bool { return i.Slot != "" })
	must[*Tensor](t)(checkpoint.ReadSlot(checkpoint.Tensors[at].Path, checkpoint.Tensors[at].Slot))
	_, err = OpenCheckpoint("/nowhere")
	fails(t, err, NotFound, "/nowhere")
}

func endless(t *testing.T, r *Runtime) *Trainer {
	t.Helper()
	folder := t.TempDir()
	config := smallConfig(t, r, corpus(t, folder))
	ok(t, config.Set("trainer.steps", 100_000_000))
	options := &TrainerOptions{OutDir: filepath.Join(folder, "out")}
	trainer := must[*Trainer](t)(NewTrainer(config, options))
	t.Cleanup(func() { trainer.Close() })
	return trainer
}

func TestContextsCancelJobs(t *testing.T) {
	trainer := endless(t, checkedRuntime(t))
	job := must[*Job](t)(trainer.Run(context.Background(), 3))
	progress := must[Progress](t)(job.Wait())
	expect(t, progress.Done && progress.Step == 3 && progress.Last.Step == 3, progress)
	ok(t, job.Close())
	_, err := trainer.Run(context.Background(), -1)
	fails(t, err, InvalidArgument, "steps")

	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	job = must[*Job](t)(trainer.Run(ctx, 0))
	_, err = trainer.Step()
	fails(t, err, FailedPrecondition, "job")
	progress, err = job.Wait()
	fails(t, err, Cancelled, "")
	expect(t, errors.Is(err, context.DeadlineExceeded) && progress.Done, err)
	ok(t, job.Close())

	job = must[*Job](t)(trainer.Run(context.Background(), 0))
	var all sync.WaitGroup
	for range 4 { // any goroutine
		all.Add(1)
		go func() {
			defer all.Done()
			_, _ = job.Progress()
			job.Cancel()
			_, err := job.Wait()
			if !errors.Is(err, Cancelled) {
				t.Error(err)
			}
		}()
	}
	all.Wait()
	job.Close()

	job = must[*Job](t)(trainer.Run(context.Background(), 0))
	ok(t, job.Close()) // cancels; it ends by itself
	<-job.Done()
	must[Step](t)(trainer.Step())
	ctx, cancel = context.WithCancel(context.Background())
	cancel()
	for _, err = range trainer.Steps(ctx) {
	}
	expect(t, errors.Is(err, context.Canceled), err)
}

func TestPanicsOfSinksComeBackAsErrors(t *testing.T) {
	trainer := endless(t, checkedRuntime(t))
	enough := errors.New("the sink has had enough")
	var panics atomic.Bool
	panics.Store(true)
	ok(t, trainer.AddSink(func([]byte) {
		if panics.Load() {
			panic(enough)
		}
	}))
	_, err := trainer.Step()
	fails(t, err, Unknown, "had enough")
	expect(t, errors.Is(err, enough), err)
	job := must[*Job](t)(trainer.Run(context.Background(), 2))
	_, err = job.Wait()
	expect(t, errors.Is(err, enough), err)
	panics.Store(false)
	must[Step](t)(trainer.Step())
	fails(t, trainer.AddSink(nil), InvalidArgument, "sink")
}

func TestCallbacksThatCallBackInAreToldSo(t *testing.T) {
	trainer := endless(t, checkedRuntime(t))
	told := make(chan error, 1)
	ok(t, trainer.AddSink(func([]byte) {
		_, err := trainer.Step()
		select {
		case told <- err:
			trainer.Close() // ends the training; the handle is freed when the step is over
		default:
		}
	}))
	job := must[*Job](t)(trainer.Run(context.Background(), 0))
	_, err := job.Wait()
	fails(t, err, Cancelled, "")
	fails(t, <-told, FailedPrecondition, "trainer")
	job.Close()
	_, err = trainer.Step()
	fails(t, err, FailedPrecondition, "closed")
}

func TestLoopsOverStreamsMayPanicOrEndTheGoroutine(t *testing.T) {
	trainer := endless(t, checkedRuntime(t))
	generator := must[*Generator](t)(trainer.Generator())
	defer generator.Close()
	ctx := context.Background()
	func() {
		defer func() { expect(t, recover() == "no more text") }()
		for range generator.Stream(ctx, "a", nil) {
			panic("no more text")
		}
	}()
	done := make(chan struct{})
	t.Run("skipping inside", func(inner *testing.T) {
		defer close(done)
		for range generator.Stream(ctx, "a", nil) {
			inner.SkipNow() // ends the goroutine in the loop
		}
	})
	<-done
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pieces := 0
	var err error
	for _, err = range generator.Stream(ctx, "a", &GenerateOptions{MaxTokens: Set[int64](1 << 20)}) {
		pieces++
		cancel()
	}
	expect(t, errors.Is(err, context.Canceled) && pieces < 100, err, pieces)
	_, err = generator.Generate(ctx, "a", nil)
	expect(t, errors.Is(err, context.Canceled), err)
}

func TestALayerInGoTrainsAndRunsWhereItsCodeIsNot(t *testing.T) {
	folder, r := t.TempDir(), checkedRuntime(t)
	ok(t, r.RegisterModule(rmsSchema, "RmsFeedForward", rmsFeedForward))
	fails(t, r.RegisterModule(rmsSchema, "RmsFeedForward", rmsFeedForward), AlreadyExists, "Rms")
	config := smallConfig(t, r, corpus(t, folder))
	ok(t, config.Set("model.decoder.layer.feed_forward",
		fields{"type": "RmsFeedForward", "hidden_dim": 24}))
	ok(t, config.Set("trainer.steps", 30))
	trainer := must[*Trainer](t)(NewTrainer(config, nil))
	defer trainer.Close()
	var losses []float64
	for step, err := range trainer.Steps(context.Background()) {
		ok(t, err)
		losses = append(losses, step.Loss)
	}
	expect(t, losses[29] < losses[0]-1, losses)
	saved := filepath.Join(folder, "saved")
	ok(t, trainer.SaveTo(saved))
	logits := func(r *Runtime) []float32 {
		program := must[*Program](t)(ProgramFromCheckpoint(r, saved, nil))
		defer program.Close()
		tokens := must[*Tensor](t)(NewTensor([]int32{116, 104, 101}, 1, 3))
		outputs := must[Outputs](t)(program.Run(map[string]*Tensor{"tokens": tokens}))
		defer outputs.Close()
		return must[[]float32](t)(outputs["logits"].Floats())
	}
	expect(t, slices.Equal(logits(r), logits(checkedRuntime(t))))
}

const likeFeedForward = `
table GoFeedForward (role: "feed_forward") {
  model_dim: long (flows: "model_dim", required_field, min: "1");
  hidden_dim: long (required_field, min: "1");
  bias: bool = false;
  init_std: double = 0.02 (min: "0");
  up_proj: Slot (role: "linear", default_type: "Linear", dims: "model_dim -> hidden_dim",
      names: "embed -> mlp", gives: "bias; init_std");
  gate_proj: Slot (role: "linear", default_type: "Linear", dims: "model_dim -> hidden_dim",
      names: "embed -> mlp", gives: "bias; init_std");
  down_proj: Slot (role: "linear", default_type: "Linear", dims: "hidden_dim -> model_dim",
      names: "mlp -> embed", gives: "bias; init_std");
}
`
const likeGate = `
table GoGate (role: "gate") {
  model_dim: long (flows: "model_dim", required_field, min: "1");
  num_experts: long (flows: "num_experts", required_field, min: "1");
  top_k: long = 2 (min: "1", inherits: "top_k");
}
`

// registerLikeBuiltIn registers what builds the same as FeedForward and TopKGate of the catalogue.
func registerLikeBuiltIn(r *Runtime) error {
	first := func(made []Value) Value { return append(made, None)[0] }
	feedForward := func(scope *Scope, _ ModuleConfig, inputs []Value) ([]Value, error) {
		up := first(scope.Call("up_proj", inputs...))
		gate := first(scope.Call("gate_proj", inputs...))
		hidden := scope.Add("glu", Attrs{"activation": "silu"}, gate, up)
		return scope.Call("down_proj", hidden), scope.Err()
	}
	gate := func(scope *Scope, config ModuleConfig, inputs []Value) ([]Value, error) {
		var sizes struct {
			Model   int64 `json:"model_dim"`
			Experts int64 `json:"num_experts"`
			TopK    int64 `json:"top_k"`
		}
		if err := config.Read(&sizes); err != nil {
			return nil, err
		}
		init := Normal(0.02)
		init.LogicalDims = []string{"embed", "router"}
		weight := scope.Param("weight", init, sizes.Model, sizes.Experts)
		logits := scope.Add("matmul", nil, inputs[0], weight)
		ids := append(scope.AddMany("top_k", Attrs{"k": sizes.TopK}, logits), None, None)[1]
		scores := scope.Add("softmax", nil, logits)
		weights := scope.Add("softmax", nil, scope.Add("pick", nil, logits, ids))
		return []Value{ids, weights, scores, logits}, scope.Err()
	}
	return errors.Join(r.RegisterModule(likeFeedForward, "GoFeedForward", feedForward),
		r.RegisterModule(likeGate, "GoGate", gate))
}

func TestModulesInGoAreTheSameProgramAsBuiltInOnes(t *testing.T) {
	r, text := checkedRuntime(t), corpus(t, t.TempDir())
	ok(t, registerLikeBuiltIn(r))
	hashAndLosses := func(part fields) (hash string, losses []float64) {
		config := smallConfig(t, r, text)
		ok(t, config.Set("model.decoder.layer.feed_forward", part))
		program := must[*Program](t)(ProgramFromConfig(config, nil))
		defer program.Close()
		trainer := must[*Trainer](t)(NewTrainer(config, nil))
		defer trainer.Close()
		for step, err := range trainer.Steps(context.Background()) {
			ok(t, err)
			losses = append(losses, step.Loss)
		}
		return must[*ProgramDescription](t)(program.Describe()).ProgramHash, losses
	}
	mixture := func(gate string) fields {
		return fields{"type": "MixtureOfExperts", "num_experts": 4, "top_k": 2,
			"expert": fields{"hidden_dim": 16}, "gate": fields{"type": gate}}
	}
	for _, pair := range [][2]fields{
		{{"type": "FeedForward", "hidden_dim": 24}, {"type": "GoFeedForward", "hidden_dim": 24}},
		{mixture("TopKGate"), mixture("GoGate")}} {
		hash, losses := hashAndLosses(pair[0])
		ownHash, ownLosses := hashAndLosses(pair[1])
		expect(t, hash != "" && hash == ownHash, hash, ownHash)
		expect(t, len(losses) == 6 && slices.Equal(losses, ownLosses), losses, ownLosses)
	}
}

func TestModulesThatFailPanicOrReturnTooMuch(t *testing.T) {
	r := checkedRuntime(t)
	lost := errors.New("lost things")
	var kept *Scope
	what := 0
	ok(t, r.RegisterModule(`table Wrong (role: "feed_forward") { }`, "Wrong",
		func(scope *Scope, _ ModuleConfig, inputs []Value) ([]Value, error) {
			kept = scope
			switch what {
			case 0:
				return nil, Errorf(Unavailable, "not today")
			case 1:
				return nil, fmt.Errorf("could not: %w", lost)
			case 2:
				panic(lost)
			case 3:
				var none []Value
				_ = none[len(inputs)]
			case 4:
				return slices.Repeat(inputs, 100), nil
			case 5:
				scope.Call("nothing", inputs...)
				return inputs, nil // the error of the scope counts
			}
			return inputs, nil
		}))
	config := smallConfig(t, r, "none")
	ok(t, config.Set("model.decoder.layer.feed_forward", "Wrong"))
	expected := []struct {
		code Code
		text string
	}{{Unavailable, "not today"}, {Unknown, "could not: lost things"}, {Unknown, "panicked: lost"},
		{Unknown, "index out of range"}, {InvalidArgument, "expected at most 64 outputs, got 100"},
		{NotFound, "nothing"}}
	for i, each := range expected {
		what = i
		_, err := ProgramFromConfig(config, nil)
		fails(t, err, each.code, each.text)
		expect(t, errors.Is(err, lost) == (i == 1 || i == 2), i)
	}
	what = len(expected)
	program := must[*Program](t)(ProgramFromConfig(config, nil))
	program.Close()
	kept.Ambient("positions")
	fails(t, kept.Err(), FailedPrecondition, "scope")
	fails(t, r.RegisterModule("x", "X", nil), InvalidArgument, "module")
	fails(t, r.RegisterModule("x\x00", "X", rmsFeedForward), InvalidArgument, "NUL")
	fails(t, r.RegisterModule("table X {}", "X", rmsFeedForward), InvalidArgument, "role")
}

func scaledSquare() Op {
	read := func(attrs json.RawMessage) (float64, error) {
		var given struct{ Factor float64 }
		err := json.Unmarshal(attrs, &given)
		return given.Factor, err
	}
	return Op{
		Name: "scaled_square", Signature: "x[..., D] -> y[..., D]", Version: 2,
		Doc: "The square, scaled.",
		Run: func(attrs json.RawMessage, inputs, outputs []Operand) error {
			scale, err := read(attrs)
			if err != nil {
				return err
			}
			if scale == 13 {
				panic("an unlucky factor")
			}
			x, err := Elements[float64](inputs[0])
			if err != nil {
				return err
			}
			y, err := Elements[float64](outputs[0])
			for i := range y {
				y[i] = scale * x[i] * x[i]
			}
			return err
		},
		Gradient: func(scope *Scope, attrs json.RawMessage, values []Value) ([]Value, error) {
			scale, err := read(attrs)
			product := scope.Add("mul", nil, values[0], values[2])
			two := scope.Add("fill", Attrs{"value": 2 * scale, "dtype": "f64", "shape": ""})
			return []Value{scope.Add("mul", nil, product, two)}, err
		},
	}
}

func TestAnOpInGoHasGradientsAndErrors(t *testing.T) {
	r := checkedRuntime(t)
	ok(t, r.RegisterOp(scaledSquare()))
	fails(t, r.RegisterOp(scaledSquare()), AlreadyExists, "scaled_square")
	fails(t, r.RegisterOp(Op{Name: "x"}), InvalidArgument, "Run")
	squares := func(factor float64, dtype DType, gradients bool) *Program {
		value := must[Value](t)
		graph := must[*Graph](t)(NewGraph(r))
		defer graph.Close()
		x := value(graph.Param("x", dtype, "3", Constant(2)))
		y := value(graph.Add("scaled_square", Attrs{"factor": factor}, x))
		sum := value(graph.Add("reduce_sum", Attrs{"dims": []int{0}}, y))
		one := value(graph.Add("fill", Attrs{"value": 1, "dtype": dtype.String(), "shape": ""}))
		ok(t, graph.Loss("sum", sum, one, 1))
		options := &ProgramOptions{Gradients: gradients}
		program := must[*Program](t)(ProgramFromGraph(graph, options))
		t.Cleanup(func() { program.Close() })
		return program
	}
	good := squares(3, F64, true)
	loss, _, err := good.RunWithGradients(nil)
	ok(t, err)
	expect(t, loss == 36, loss)
	gradient := must[*Tensor](t)(good.Gradient("x"))
	expect(t, slices.Equal(must[[]float64](t)(Data[float64](gradient)), []float64{12, 12, 12}))
	_, err = squares(13, F64, false).Run(nil)
	fails(t, err, Unknown, "an unlucky factor")
	_, err = squares(1, F32, false).Run(nil)
	fails(t, err, Unimplemented, "expected f64, got f32")
}
