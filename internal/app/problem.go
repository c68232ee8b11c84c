package app

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
)

// StartError is why a node does not start, and what to do about it. Its text holds no secret.
type StartError struct {
	What string // what is wrong
	Next string // what to do next
	Err  error  // for errors.Is; its text is not shown
}

func (e *StartError) Error() string { return e.What + ".\n  " + e.Next + "." }
func (e *StartError) Unwrap() error { return e.Err }

// problem is an error with what is wrong and what to do next, in lower case and without a full stop.
func problem(err error, what, next string) *StartError {
	return &StartError{What: what, Next: strings.ToUpper(next[:1]) + next[1:], Err: err}
}

// listenProblem explains why an address cannot be listened on.
func listenProblem(address string, err error) error {
	_, port, _ := net.SplitHostPort(address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return problem(err, "port "+port+" is in use by another program", "stop that one, or take another port: --port 3001, or --port 0 for any free one")
	case errors.Is(err, syscall.EACCES):
		return problem(err, "this user may not listen on port "+port, "take a port over 1023 with --port, or allow it: setcap cap_net_bind_service=+ep bin/parley")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return problem(err, address+" is not an address of this machine", "name one of its addresses with --host, or leave it empty for all")
	}
	return fmt.Errorf("cannot listen on %s: %w", address, err)
}

// metricsProblem explains why the address of the metrics cannot be listened on.
func metricsProblem(address string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return problem(err, "the address of the metrics, "+address+", is in use by another program", "name another one in PARLEY_METRICS_LISTEN, or nothing to go without metrics")
	}
	return problem(err, "the metrics cannot listen on "+address, "name an address of this machine and a free port in PARLEY_METRICS_LISTEN, or nothing to go without metrics")
}
