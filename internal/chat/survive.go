package chat

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
)

// survive turns a fault in one piece of work that no request runs into an error, so that it ends neither the process nor
// what else was gathered with it.
func (s *Service) survive(do func() error) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			if s.cfg.Panicked != nil {
				s.cfg.Panicked(fault, debug.Stack())
			}
			err = AsError(fmt.Errorf("panic: %s", FaultText(fault)))
		}
	}()
	return do()
}

// FaultText is what may be logged of a recovered panic: of the runtime's own what it says, of any other its type alone, since
// what somebody wrote may stand in it. The stack tells where it was.
func FaultText(fault any) string {
	if err, is := fault.(runtime.Error); is {
		return err.Error()
	}
	return fmt.Sprintf("a panic with a %T", fault)
}

// steady is a store that answers a fault while it writes steps with an error: then the step that brings it about is found
// and buried, and holds up no other.
type steady struct {
	ReceiptStore
	service *Service
}

func (s steady) WriteSteps(ctx context.Context, steps []Step) error {
	return s.service.survive(func() error { return s.ReceiptStore.WriteSteps(ctx, steps) })
}
