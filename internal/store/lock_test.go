package store_test

import (
	"errors"
	"testing"

	"github.com/parley-chat/parley/internal/store"
)

func TestADataFolderHasOneProcessAndCommandsBesideIt(t *testing.T) {
	dir := t.TempDir()
	opened(t, store.Config{DataDir: dir})
	if s, err := store.Open(t.Context(), store.Config{DataDir: dir}); !errors.Is(err, store.ErrInUse) {
		t.Errorf("a second process got %v, %v", s, err)
	}
	beside, err := store.Open(t.Context(), store.Config{DataDir: dir, Beside: true})
	if err != nil {
		t.Fatal(err)
	}
	if there, err := beside.HasAccounts(t.Context()); err != nil || there {
		t.Errorf("beside: %v, %v", there, err)
	}
	if err := beside.Close(); err != nil {
		t.Error(err)
	}
}
