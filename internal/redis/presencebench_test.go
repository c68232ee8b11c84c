package redis_test

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/redis"
	"github.com/parley-chat/parley/internal/redistest"
)

// info is one number that a server tells of itself.
func info(b *testing.B, s *redistest.Server, section, name string) float64 {
	b.Helper()
	text, err := s.Do("INFO", section)
	if err != nil {
		b.Fatal(err)
	}
	found := regexp.MustCompile(name + `[:=]([0-9.]+)`).FindStringSubmatch(text)
	if found == nil {
		return 0
	}
	n, _ := strconv.ParseFloat(found[1], 64)
	return n
}

// spent is the processor time of a server, and of this process.
func spent(b *testing.B, s *redistest.Server) (server, own time.Duration) {
	seconds := info(b, s, "cpu", "used_cpu_user") + info(b, s, "cpu", "used_cpu_sys")
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(seconds * float64(time.Second)), time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkPresence is one round of 15 seconds: everybody's device beats, fifteen sweeps find nobody, and everybody is asked
// for once. Each part is measured by itself, per person.
func BenchmarkPresence(b *testing.B) {
	const people = 5000
	server := redistest.Start(b)
	d := redis.NewDevices(benchNode(b, server.URL(), "a"))
	empty := info(b, server, "memory", "used_memory")
	beats, users := make([]chat.Beat, people), make([]chat.UserID, people)
	for i := range beats {
		users[i] = chat.UserID(fmt.Sprintf("0190a000-0000-7000-8000-%012d", i))
		beats[i] = chat.Beat{
			User: users[i], Login: chat.LoginID(fmt.Sprintf("0190a000-0000-7000-8001-%012d", i)),
			DeviceID: "0190a000-0000-7000-8002-000000000000", Type: chat.Desktop, Active: time.Minute,
			Privacy: chat.Privacy{Rev: 1, Enabled: true, Sharing: chat.ShareEveryone},
		}
	}
	if changed, _, err := d.Beat(b.Context(), beats); err != nil || len(changed) != people {
		b.Fatalf("%d are told (%v)", len(changed), err)
	}
	taken := (info(b, server, "memory", "used_memory") - empty) / people
	for name, part := range map[string]func(context.Context) error{
		"beat": func(ctx context.Context) error { _, _, err := d.Beat(ctx, beats); return err },
		"sweep": func(ctx context.Context) error {
			for range 15 {
				if _, err := d.Lapse(ctx, 500); err != nil {
					return err
				}
			}
			return nil
		},
		"ask": func(ctx context.Context) error { _, _, err := d.Presences(ctx, users); return err },
	} {
		b.Run(name, func(b *testing.B) {
			commands, scripts := info(b, server, "stats", "total_commands_processed"), info(b, server, "commandstats", "cmdstat_evalsha:calls")
			serverBefore, ownBefore := spent(b, server)
			for b.Loop() {
				if err := part(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			serverAfter, ownAfter := spent(b, server)
			each := float64(b.N) * people
			b.ReportMetric(taken, "redis-B/person")
			b.ReportMetric(float64((serverAfter-serverBefore).Nanoseconds())/1e3/each, "redis-µs/person")
			b.ReportMetric(float64((ownAfter-ownBefore).Nanoseconds())/1e3/each, "node-µs/person")
			b.ReportMetric((info(b, server, "stats", "total_commands_processed")-commands)/float64(b.N), "commands/op")
			b.ReportMetric((info(b, server, "commandstats", "cmdstat_evalsha:calls")-scripts)/float64(b.N), "scripts/op")
		})
	}
}
