package tessera_test

import (
	"testing"

	"tessera.io/tessera"
	"tessera.io/tessera/configs"
)

func TestStructsSayTheSameAsJSON(t *testing.T) {
	r, err := tessera.NewRuntime(&tessera.RuntimeOptions{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	layer := configs.TransformerLayer{
		Attention:   configs.Attention{NumHeads: configs.Set[int64](2)},
		FeedForward: configs.FeedForward{HiddenDim: configs.Set[int64](32), Gated: configs.Set(false)},
	}
	built, err := tessera.NewConfig(r, configs.Experiment{
		Model: configs.LanguageModel{
			VocabSize: configs.Set[int64](256), ModelDim: configs.Set[int64](16),
			Decoder: configs.Decoder{NumLayers: configs.Set[int64](2), Layer: layer}},
		Data: configs.Data{Tokenizer: configs.ByteTokenizer{}, Train: []string{"corpus.txt"}},
		Runtime: configs.Runtime{Seed: configs.Set[int64](1),
			Dtype: configs.NumberFormatFp32},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer built.Close()
	written, err := tessera.ParseConfig(r, `{
		"model": {"type": "LanguageModel", "vocab_size": 256, "model_dim": 16,
			"decoder": {"num_layers": 2, "layer": {"attention": {"num_heads": 2},
				"feed_forward": {"hidden_dim": 32, "gated": false}}}},
		"data": {"tokenizer": "ByteTokenizer", "train": "corpus.txt"},
		"runtime": {"seed": 1, "dtype": "fp32"}}`, "written")
	if err != nil {
		t.Fatal(err)
	}
	defer written.Close()
	if diff, err := built.Diff(written); err != nil || diff != "" {
		t.Fatal(diff, err)
	}
}
