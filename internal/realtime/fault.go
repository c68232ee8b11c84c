package realtime

import (
	"errors"
	"runtime/debug"

	"github.com/parley-chat/parley/internal/chat"
)

var errPanicked = errors.New("it panicked")

// guard makes an error of a fault in one piece of work that no request runs, so that it ends neither the process nor the
// other work of its loop. Who gets the error tries again as after any other.
func (h *Hub) guard(work string, do func() error) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			h.panicked(work, fault)
			err = errPanicked
		}
	}()
	return do()
}

// panicked tells of a fault, from the function that has recovered from it.
func (h *Hub) panicked(work string, fault any) {
	h.cfg.Log.Error("work of the hub panicked", "event", work+".panic", "panic", chat.FaultText(fault), "stack", string(debug.Stack()))
	if h.cfg.Panicked != nil {
		h.cfg.Panicked()
	}
}
