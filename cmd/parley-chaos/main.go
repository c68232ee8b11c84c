// Command parley-chaos starts a Parley of real processes, breaks it on purpose while people chat, and
// proves from what they did and saw and from the database that nothing that was promised was broken.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/parley-chat/parley/internal/chaos"
)

// version is set by the build.
var version = "unversioned"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	if err := chaos.Command(version).ExecuteContext(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "parley-chaos: %s\n", err)
		stop()
		os.Exit(1)
	}
	stop()
}
