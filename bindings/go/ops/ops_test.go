package ops

import (
	"math"
	"testing"

	"tessera.io/tessera"
)

func TestOpsAddWhatTheyName(t *testing.T) {
	r, err := tessera.NewRuntime(&tessera.RuntimeOptions{Threads: 1, Checked: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text := func(build func(b *OfGraph, x, w tessera.Value) []tessera.Value) string {
		t.Helper()
		graph, err := tessera.NewGraph(r)
		if err != nil {
			t.Fatal(err)
		}
		defer graph.Close()
		x, err := graph.Input("x", tessera.F32, "N,8")
		if err != nil {
			t.Fatal(err)
		}
		w, err := graph.Input("w", tessera.F32, "4,8")
		if err != nil {
			t.Fatal(err)
		}
		b := &OfGraph{Graph: graph}
		for i, value := range build(b, x, w) {
			if b.Err == nil {
				b.Err = graph.Output(string(rune('a'+i)), value)
			}
		}
		if b.Err != nil {
			t.Fatal(b.Err)
		}
		made, err := graph.Text()
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	typed := text(func(b *OfGraph, x, w tessera.Value) []tessera.Value {
		y := Matmul(b, MatmulAttrs{TransposeRhs: Set(true)}, x, w)
		values, indices := TopK(b, TopKAttrs{K: 2}, y)
		low := Fill(b, FillAttrs{Value: Set(math.Inf(-1))})
		return []tessera.Value{Maximum(b, values, low), indices}
	})
	named := text(func(b *OfGraph, x, w tessera.Value) []tessera.Value {
		y := b.AddMany("matmul", tessera.Attrs{"transpose_rhs": true}, x, w)[0]
		top := b.AddMany("top_k", tessera.Attrs{"k": 2}, y)
		low := b.AddMany("fill", tessera.Attrs{"value": "-inf"})[0]
		return []tessera.Value{b.AddMany("maximum", nil, top[0], low)[0], top[1]}
	})
	if typed != named {
		t.Fatalf("expected\n%s, got\n%s", named, typed)
	}
}

func TestTheFirstErrorStays(t *testing.T) {
	r, err := tessera.NewRuntime(&tessera.RuntimeOptions{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	graph, err := tessera.NewGraph(r)
	if err != nil {
		t.Fatal(err)
	}
	defer graph.Close()
	b := &OfGraph{Graph: graph}
	values, indices := TopK(b, TopKAttrs{K: 2}, tessera.Value(7))
	if b.Err == nil || values != tessera.None || indices != tessera.None {
		t.Fatal(b.Err, values, indices)
	}
	first := b.Err
	Relu(b, values)
	if b.Err != first {
		t.Fatal(b.Err)
	}
}
