package inmem_test

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/chat/readerstest"
	"github.com/parley-chat/parley/internal/inmem"
)

func TestReadersInMemoryKeepTheContract(t *testing.T) {
	var r *inmem.Readers
	readerstest.Run(t, readerstest.World{
		New: func() []chat.Readers {
			r = inmem.NewReaders()
			return []chat.Readers{r}
		},
		Empty: func() { r.Forget() },
		Age:   func(c chat.ConversationID, by time.Duration) { r.Age(c, by) },
	})
}
