package storetest

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/store"
)

func writers(t *testing.T, w world) {
	t.Run("writers that change the same in every way at once lose nothing and keep one order", func(t *testing.T) {
		Storm{Stores: []*store.Store{w.Store}, Conversations: 4, Writers: 8, Steps: 60, Seed: uint64(time.Now().UnixNano())}.Run(t)
	})
}
