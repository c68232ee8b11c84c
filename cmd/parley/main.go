// Command parley is the server and everything that its operator does with it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/chat"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal the next one has its usual effect: it ends the process now.
	context.AfterFunc(ctx, stop)
	err := newRoot().ExecuteContext(ctx)
	if err == nil {
		return
	}
	if !errors.Is(err, errSaid) {
		// A pipe that nobody reads must not keep a process that has ended.
		out := app.NewLogWriter(os.Stderr)
		fmt.Fprintf(out, "parley: %s\n", explain(err))
		out.Flush(flushWithin)
	}
	var ended *withStatus
	if errors.As(err, &ended) {
		os.Exit(ended.status)
	}
	os.Exit(1)
}

// withStatus ends a command with another status than 1.
type withStatus struct {
	status int
	err    error
}

func (w *withStatus) Error() string { return w.err.Error() }
func (w *withStatus) Unwrap() error { return w.err }

// errSaid ends a command with status 1 that has said everything already.
var errSaid = errors.New("said")

// explain is an error as its reader at a terminal needs it: of our own errors the message, and what is
// behind it, but not the protocol's code.
func explain(err error) string {
	var known *chat.Error
	switch {
	case !errors.As(err, &known):
		return err.Error()
	case known.Err != nil:
		return known.Message + " " + known.Err.Error()
	}
	return known.Message
}
