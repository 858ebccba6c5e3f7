package tessera

// Checkpoints in memory: the bytes that a folder holds, and a run that goes on from them.

import (
	"bytes"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

type memoryStore struct {
	objects, open map[string][]byte
	gone          error
	readLess      int
}

func newMemoryStore() *memoryStore {
	return &memoryStore{objects: map[string][]byte{}, open: map[string][]byte{}}
}

func (s *memoryStore) Write(name string, offset int64, data []byte, isLast bool) error {
	if s.gone != nil {
		return s.gone
	}
	if int64(len(s.open[name])) != offset {
		return Errorf(Internal, "%s: at %d, got %d", name, len(s.open[name]), offset)
	}
	s.open[name] = append(s.open[name], data...)
	if isLast {
		s.objects[name] = s.open[name]
		delete(s.open, name)
	}
	return nil
}

func (s *memoryStore) Read(name string, offset int64, buffer []byte) (int, error) {
	if s.gone != nil {
		return 0, s.gone
	}
	return copy(buffer[:len(buffer)-s.readLess], s.objects[name][offset:]), nil
}

func (s *memoryStore) List(prefix string) (map[string]int64, error) {
	found := map[string]int64{}
	for name, data := range s.objects {
		if strings.HasPrefix(name, prefix) {
			found[name] = int64(len(data))
		}
	}
	return found, nil
}

func (s *memoryStore) Rename(from, to string) error {
	for _, name := range slices.Collect(maps.Keys(s.objects)) {
		if rest, isFrom := strings.CutPrefix(name, from); isFrom {
			s.objects[to+rest] = s.objects[name]
			delete(s.objects, name)
		}
	}
	return nil
}

func (s *memoryStore) Remove(name string) error {
	delete(s.objects, name)
	delete(s.open, name)
	return nil
}

func trainSteps(t *testing.T, config *Config, options *TrainerOptions, steps int) {
	t.Helper()
	trainer := must[*Trainer](t)(NewTrainer(config, options))
	defer trainer.Close()
	for range steps {
		must[Step](t)(trainer.Step())
	}
	ok(t, trainer.Save())
}

func tensorBytes(t *testing.T, checkpoint *Checkpoint, slot string) (found []byte) {
	t.Helper()
	tensor := must[*Tensor](t)(checkpoint.ReadSlot("embedding/weight", slot))
	defer tensor.Close()
	ok(t, tensor.ViewBytes(func(data []byte) error {
		found = bytes.Clone(data)
		return nil
	}))
	return found
}

func TestCheckpointsGoToAStore(t *testing.T) {
	r, store := checkedRuntime(t), newMemoryStore()
	path, out := corpus(t, t.TempDir()), t.TempDir()
	ok(t, r.RegisterStore("memory", store, nil))
	plain, stored := smallConfig(t, r, path), smallConfig(t, r, path)
	ok(t, stored.Set("trainer.checkpoint_folder", "memory://runs/a"))
	trainSteps(t, plain, &TrainerOptions{OutDir: out}, 6)
	trainSteps(t, stored, nil, 3)
	trainSteps(t, stored, &TrainerOptions{Resume: true}, 3)
	folder := must[*Checkpoint](t)(OpenCheckpoint(filepath.Join(out, "checkpoints")))
	found := must[*Checkpoint](t)(r.VerifyCheckpoint("memory://runs/a"))
	expect(t, found.Step == 6 && found.Path == "memory://runs/a/step_6", found.Path)
	for _, slot := range []string{"", "m", "v"} {
		expected := tensorBytes(t, folder, slot)
		expect(t, len(expected) > 0 && bytes.Equal(expected, tensorBytes(t, found, slot)), slot)
	}
	for name := range store.objects {
		expect(t, strings.HasPrefix(name, "runs/a/step_"), name)
	}
	expect(t, len(store.open) == 0, len(store.open))
	whatGoesWrong(t, plain, store)
}

func whatGoesWrong(t *testing.T, plain *Config, store *memoryStore) {
	t.Helper()
	trainer := must[*Trainer](t)(NewTrainer(plain, nil))
	defer trainer.Close()
	mine := errors.New("no bucket")
	store.gone = mine
	for _, err := range []error{trainer.SaveTo("memory://best"), trainer.Load("memory://runs/a")} {
		expect(t, errors.Is(err, mine), err)
	}
	store.gone = nil
	ok(t, trainer.Load("memory://runs/a"))
	store.readLess = 1
	fails(t, trainer.Load("memory://runs/a"), DataLoss, "expected")
	store.readLess = 0
	for name, data := range store.objects {
		if strings.HasPrefix(name, "runs/a/step_6/") {
			data[len(data)/2] ^= 1
		}
	}
	fails(t, trainer.Load("memory://runs/a/step_6"), DataLoss, "")
	ok(t, trainer.Load("memory://runs/a/step_3"))
}

func TestWrongStoresAreRefused(t *testing.T) {
	r := checkedRuntime(t)
	shared := &StoreOptions{IsShared: true}
	ok(t, r.RegisterStore("memory", newMemoryStore(), shared))
	fails(t, r.RegisterStore("memory", newMemoryStore(), nil), AlreadyExists, "'memory'")
	fails(t, r.RegisterStore("Memory", newMemoryStore(), nil), InvalidArgument, "'Memory'")
	fails(t, r.RegisterStore("none", nil, nil), InvalidArgument, "store")
	_, err := r.OpenCheckpoint("memories://a")
	fails(t, err, NotFound, "there are: memory")
}
