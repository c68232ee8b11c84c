package check_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/check"
)

// BenchmarkCheck holds a history of a million records against all rules. Goal: 30 s and 1 GiB.
func BenchmarkCheck(b *testing.B) {
	h := large(1_000_000)
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	b.ReportAllocs()
	for b.Loop() {
		report := check.Check(h, check.Bounds{Delivery: map[string]time.Duration{"": time.Second}})
		if !report.OK() {
			b.Fatal(report.Rules)
		}
	}
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(len(h.Operations)+len(h.Observations)), "records")
	b.ReportMetric(float64(before.HeapAlloc)/1e6, "MB-history")
	b.ReportMetric(float64(after.Sys)/1e6, "MB-system")
}

// BenchmarkRecord notes observations, as many clients do at once.
func BenchmarkRecord(b *testing.B) {
	r := check.NewRecorder()
	m := client.Message{ConversationID: "c1", SenderID: "u1", Content: "how are you today?", ContentType: "text"}
	b.RunParallel(func(pb *testing.PB) {
		w := r.Witness(fmt.Sprint(time.Now()), "")
		for n := int64(1); pb.Next(); n++ {
			m := m
			m.ID, m.ClientMessageID, m.Seq, m.Rev = fmt.Sprintf("m%d", n), fmt.Sprintf("k%d", n), n, n+1
			w.Handle(client.MessageReceived{Message: m})
		}
	})
}

// large is a run of the model with about n records: forty people in ten rooms of ten.
func large(n int) *check.History {
	m := newModel()
	m.limit = 100
	for i := range 40 {
		m.client(fmt.Sprintf("client-%02d", i), fmt.Sprintf("00000000-0000-7000-8000-0000000000%02d", i))
	}
	for i, p := range m.people {
		p.connect(fmt.Sprintf("node-%d", i%3))
	}
	take := func() {
		for _, p := range m.people {
			for p.take() {
			}
		}
	}
	for i := range 10 {
		some := m.people[3*i : 3*i+10]
		var others []string
		for _, p := range some[1:] {
			others = append(others, p.actor.User)
		}
		r := m.create(some[0], others...)
		for _, p := range some {
			p.subscribe(r, 0)
		}
	}
	take()
	for i := 0; len(m.history.Operations)+len(m.history.Observations) < n; i++ {
		r := m.rooms[i%len(m.rooms)]
		sender := m.people[(3*(i%10)+i/10%10)%40]
		sender.send(r, fmt.Sprintf("message %d", i))
		switch {
		case i%50 == 7:
			sender.edit(r, int64(len(r.messages)), fmt.Sprintf("message %d, edited", i))
		case i%50 == 9:
			sender.delete(r, int64(len(r.messages)))
		case i%10 == 3:
			sender.markRead(r, int64(len(r.messages)))
		case i%500 == 11:
			m.fault("cut", sender.cut)
			take()
			sender.connect("node-1")
		}
		take()
	}
	return m.settle()
}
