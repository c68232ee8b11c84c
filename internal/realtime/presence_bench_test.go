package realtime_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/realtime"
)

// audience is a crowd that is connected to one node, whose frames are counted and thrown away.
type audience struct {
	*sightWorld
	*node
	frames atomic.Int64
}

func newAudience(b *testing.B, people int) *audience {
	b.Helper()
	w := newSightWorld(b, 1, people, realtime.Alone{})
	return &audience{sightWorld: w, node: w.nodes[0]}
}

// connect connects everybody and waits until each has been told of all.
func (a *audience) connect(b *testing.B) {
	b.Helper()
	for _, u := range a.users {
		a.join(b, u)
	}
	a.until(b, func(s realtime.Stats) bool { return s.StatesTold == uint64(len(a.users)) })
}

func (a *audience) join(b *testing.B, u chat.UserID) *realtime.Session {
	var out *realtime.Outbox
	out = realtime.NewOutbox(func() {
		a.Start(func() { go a.drain(out) })
	}, func(realtime.Closing) {})
	s := a.Open(bg, u, chat.LoginID("login of "+u), out)
	b.Cleanup(func() { a.node.Close(s) })
	return s
}

func (a *audience) drain(out *realtime.Outbox) {
	for frames, _ := out.Take(nil, 64<<10); len(frames) > 0; frames, _ = out.Take(frames[:0], 64<<10) {
		a.frames.Add(int64(len(frames)))
	}
}

// until waits for the hub to have come so far.
func (a *audience) until(b *testing.B, done func(realtime.Stats) bool) {
	b.Helper()
	for deadline := time.Now().Add(patience); !done(a.Stats()); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			b.Fatalf("it takes too long: %+v", a.Stats())
		}
	}
}

// toggle has everybody turn away, or be back.
func (a *audience) toggle(i int) {
	var changed []chat.Presence
	for _, u := range a.users {
		changed = append(changed, a.be(u, []chat.Status{chat.StatusAway, chat.StatusOnline}[i%2], chat.Privacy{}))
	}
	a.PresenceChanged(changed)
}

func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// BenchmarkAThousandWatchAThousand is what it costs that everybody changes in a group of 1,000 who are all on one node: a
// million events.
func BenchmarkAThousandWatchAThousand(b *testing.B) {
	const people = 1000
	a := newAudience(b, people)
	a.connect(b)
	cpu := processTime()
	b.ResetTimer()
	for i := range b.N {
		before := a.Stats()
		a.toggle(i)
		a.until(b, func(s realtime.Stats) bool { return s.PresencesTold-before.PresencesTold >= people*people })
	}
	b.StopTimer()
	events := float64(b.N) * people * people
	b.ReportMetric(float64(processTime()-cpu)/events, "cpu-ns/event")
	b.ReportMetric(float64(b.Elapsed())/events, "ns/event")
}

// BenchmarkAPairInMemory is what a pair of one who watches and one who is watched takes.
func BenchmarkAPairInMemory(b *testing.B) {
	for _, people := range []int{100, 1000} {
		b.Run(fmt.Sprint(people), func(b *testing.B) {
			for range b.N {
				a := newAudience(b, people)
				a.set(func() { a.away = true })
				for _, u := range a.users {
					a.join(b, u)
				}
				before := heap()
				a.set(func() { a.away = false })
				a.until(b, func(s realtime.Stats) bool { return s.StatesTold == uint64(people) })
				b.ReportMetric((heap()-before)/float64(a.Stats().Pairs), "B/pair")
			}
		})
	}
}

// BenchmarkMessagesInAStormOfPresence is how long a message is under way from its commit to the other members of a group of
// 1,000 on one node, while nobody's presence changes and while that of 1,000 people does, once a second.
func BenchmarkMessagesInAStormOfPresence(b *testing.B) {
	for _, storm := range []bool{false, true} {
		b.Run(fmt.Sprint("storm=", storm), func(b *testing.B) {
			a := newAudience(b, 1000)
			author := a.person()
			reader := a.person()
			c := a.group(author, reader)
			ctx, stop := context.WithCancel(bg)
			defer stop()
			var got = make(chan struct{}, 1024)
			var out *realtime.Outbox
			out = realtime.NewOutbox(func() {
				a.Start(func() {
					go func() {
						for frames, _ := out.Take(nil, 64<<10); len(frames) > 0; frames, _ = out.Take(frames[:0], 64<<10) {
							for range frames {
								got <- struct{}{}
							}
						}
					}()
				})
			}, func(realtime.Closing) {})
			s := a.Open(bg, reader, "login of the reader", out)
			defer a.node.Close(s)
			a.Subscribe(bg, s, []realtime.Want{{Conversation: c}})
			for _, u := range a.users {
				a.join(b, u)
			}
			a.until(b, func(s realtime.Stats) bool { return s.StatesTold >= 1000 })
			if storm {
				go func() {
					for i := 0; ctx.Err() == nil; i++ {
						a.toggle(i)
						time.Sleep(time.Second)
					}
				}()
			}
			drained := time.After(2 * time.Second)
			for waiting := true; waiting; {
				select {
				case <-got:
				case <-drained:
					waiting = false
				}
			}
			var took []time.Duration
			cpu, told := processTime(), a.Stats().PresencesTold
			b.ResetTimer()
			for range b.N {
				began := time.Now()
				a.node.send(b, author, c, "hello")
				<-got
				took = append(took, time.Since(began))
				time.Sleep(5 * time.Millisecond)
				for len(got) > 0 {
					<-got
				}
			}
			b.StopTimer()
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
			b.ReportMetric(float64(processTime()-cpu)/float64(b.Elapsed()), "cpus")
			b.ReportMetric(float64(a.Stats().PresencesTold-told)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// processTime is how long this process has had a processor.
func processTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
