// Calls prints what calls and callbacks cost, a line each, in ns (tests/bench/binding_calls.py).
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"math"
	"time"

	"tessera.io/tessera"
)

// perCall is the least of five rounds, in ns per call.
func perCall(count int, call func() error) float64 {
	least := math.Inf(1)
	for range 5 {
		start := time.Now()
		for range count {
			if err := call(); err != nil {
				log.Fatal(err)
			}
		}
		least = min(least, float64(time.Since(start).Nanoseconds())/float64(count))
	}
	return least
}

func show(name string, count int, call func() error) {
	fmt.Printf("%s: %.0f\n", name, perCall(count, call))
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

// uses makes a program of so many uses of an op that does nothing.
func uses(runtime *tessera.Runtime, count int) *tessera.Program {
	graph := must(tessera.NewGraph(runtime))
	defer graph.Close()
	x := must(graph.Param("x", tessera.F32, "1", tessera.Init{}))
	for range count {
		x = must(graph.Add("bench_nothing", nil, x))
	}
	if err := graph.Output("y", x); err != nil {
		log.Fatal(err)
	}
	return must(tessera.ProgramFromGraph(graph, nil))
}

func run(program *tessera.Program) func() error {
	return func() error {
		outputs, err := program.Run(nil)
		if err != nil {
			return err
		}
		return outputs.Close()
	}
}

func main() {
	runtime := must(tessera.NewRuntime(&tessera.RuntimeOptions{Threads: 1}))
	defer runtime.Close()
	tensor := must(tessera.Zeros(tessera.F32, 4, 1000))
	defer tensor.Close()
	graph := must(tessera.NewGraph(runtime))
	defer graph.Close()
	value := must(graph.Input("x", tessera.F32, "B,T,64"))
	show("a getter", 100_000, func() error {
		_ = tensor.DType()
		return nil
	})
	show("a status and a text", 20_000, func() error {
		_, err := graph.Type(value)
		return err
	})
	show("an error", 5_000, func() error {
		if _, err := tessera.Zeros(tessera.F32, -1); err == nil {
			log.Fatal("expected an error, got none")
		}
		return nil
	})
	show("a tensor made and closed", 20_000, func() error {
		return must(tessera.Zeros(tessera.F32, 1)).Close()
	})
	show("a view of its data", 100_000, func() error {
		return tessera.View(tensor, func([]float32) error { return nil })
	})
	err := runtime.RegisterOp(tessera.Op{Name: "bench_nothing", Signature: "x[N] -> y[N]",
		Run: func(json.RawMessage, []tessera.Operand, []tessera.Operand) error { return nil }})
	if err != nil {
		log.Fatal(err)
	}
	few, many := uses(runtime, 1), uses(runtime, 201)
	once, often := perCall(500, run(few)), perCall(500, run(many))
	fmt.Printf("a kernel's callback: %.0f\n", (often-once)/200)
}
