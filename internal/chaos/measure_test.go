package chaos

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chaos/faults"
	"github.com/parley-chat/parley/internal/chaos/workload"
	"github.com/parley-chat/parley/internal/check"
)

// story is a history that is written line by line.
type story struct{ check.History }

func (s *story) saw(at time.Duration, client, node string, e check.Event) {
	s.Observations = append(s.Observations, check.Observation{
		Actor: &check.Actor{Client: client, Node: node, Session: client + node}, At: at, Serial: int64(len(s.Observations)), Event: e,
	})
}

func find(t *testing.T, rows []Measure, name string) Measure {
	t.Helper()
	for _, m := range rows {
		if m.Name == name {
			return m
		}
	}
	t.Fatalf("no row %q in %+v", name, rows)
	return Measure{}
}

const sec = time.Second

var everybody = map[string]bool{"ada": true, "ben": true, "cem": true}

// killedNode is a node that is killed at 10 s while ada is connected to it, who is back after back.
func killedNode(back time.Duration, others ...check.Fault) *check.History {
	s := &story{}
	s.Run.Ended = 60 * sec
	s.saw(sec, "ada", "a", check.Online)
	s.saw(sec, "ben", "b", check.Online)
	s.saw(10*sec+100*time.Millisecond, "ada", "a", check.Offline)
	s.saw(10*sec+back, "ada", "b", check.Online)
	s.Faults = append([]check.Fault{{Kind: "kill", Target: "a", From: 10 * sec, To: 12 * sec}}, others...)
	return &s.History
}

func TestTheClientsOfAKilledNodeAreTimed(t *testing.T) {
	const row = "SIGKILL of a node: until the last of its clients is connected again"
	if m := find(t, measure(killedNode(2*sec), nil, everybody, faults.Apart, true), row); m.Result != "pass" || m.Value != "2s (1 clients)" {
		t.Errorf("back in 2 s: %+v", m)
	}
	if m := find(t, measure(killedNode(4*sec), nil, everybody, faults.Apart, true), row); m.Result != "fail" {
		t.Errorf("back in 4 s: %+v", m)
	}
	near := check.Fault{Kind: "redis-kill", From: 13 * sec, To: 14 * sec}
	if m := find(t, measure(killedNode(4*sec, near), nil, everybody, faults.Apart, true), row); m.Result != "" {
		t.Errorf("with another fault near: %+v", m)
	}
}

func TestAFailedSendDuringARollingRestartIsAFailure(t *testing.T) {
	h := killedNode(sec)
	h.Faults[0].Kind = "rolling"
	const row = "rolling restart: failed sends that a client had to show"
	waits := []workload.Wait{{Client: "ada", From: 11 * sec, To: 12 * sec, Confirmed: true, Steady: true}}
	if m := find(t, measure(h, waits, everybody, faults.Apart, true), row); m.Result != "pass" {
		t.Errorf("confirmed: %+v", m)
	}
	waits = append(waits, workload.Wait{Client: "ada", From: 11 * sec, To: 26 * sec, Code: "NETWORK_ERROR"})
	if m := find(t, measure(h, waits, everybody, faults.Apart, true), row); m.Result != "pass" {
		t.Errorf("somebody who had been taken out was refused: %+v", m)
	}
	waits = append(waits, workload.Wait{Client: "ada", From: 11 * sec, To: 26 * sec, Code: "NETWORK_ERROR", Steady: true})
	if m := find(t, measure(h, waits, everybody, faults.Apart, true), row); m.Result != "fail" {
		t.Errorf("given up: %+v", m)
	}
}

func TestCrossingIsTimedBetweenNodesOnly(t *testing.T) {
	s := &story{}
	s.Run.Ended = 60 * sec
	s.saw(sec, "ada", "a", check.Online)
	s.saw(sec, "ben", "b", check.Online)
	s.saw(sec, "cem", "a", check.Online)
	s.Operations = []check.Operation{{
		Actor: &check.Actor{Client: "ada", Node: "a"}, Op: check.Send, Result: check.OK, Message: "m1", Begin: 10 * sec, End: 10 * sec,
	}}
	for client, node := range map[string]string{"ben": "b", "cem": "a"} {
		s.saw(12*sec, client, node, check.MessageReceived)
		s.Observations[len(s.Observations)-1].Message = "m1"
	}
	e := newEvidence(&s.History, nil, everybody, faults.Apart)
	if got := e.crossing(9*sec, 11*sec); len(got) != 1 || got[0] != 2*sec {
		t.Errorf("got %v", got)
	}
}
