package inmem_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/chat/devicestest"
	"github.com/parley-chat/parley/internal/inmem"
)

func TestDevicesInMemoryKeepTheContract(t *testing.T) {
	devicestest.Run(t, devicestest.World{
		New:  func(rapid.TB) []chat.Devices { return []chat.Devices{inmem.NewDevices()} },
		Pass: func(_ rapid.TB, by time.Duration) { time.Sleep(by) },
		In:   synctest.Test,
	})
}

func TestDevicesInMemoryForgetWhoIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := inmem.NewDevices()
		for i := range 1000 {
			u := chat.UserID(fmt.Sprint("person ", i))
			if _, _, err := d.Beat(t.Context(), []chat.Beat{{User: u, Login: "login"}}); err != nil {
				t.Fatal(err)
			}
			if _, err := d.SetPrivacy(t.Context(), u, chat.Privacy{Rev: 1}, time.Time{}); err != nil {
				t.Fatal(err)
			}
			if i%2 == 0 {
				if _, err := d.End(t.Context(), u, "login"); err != nil {
					t.Fatal(err)
				}
			}
		}
		time.Sleep(chat.DeviceLease)
		offline, err := d.Lapse(t.Context(), 2000)
		if err != nil || len(offline) != 1000 {
			t.Fatalf("%d people lapsed (%v)", len(offline), err)
		}
		if err := d.Settle(t.Context(), offline); err != nil {
			t.Fatal(err)
		}
		time.Sleep(chat.DeviceLease)
		if offline, err := d.Lapse(t.Context(), 1); err != nil || len(offline) != 0 || d.Known() != 0 {
			t.Errorf("%d people are known, %d lapsed (%v)", d.Known(), len(offline), err)
		}
	})
}

func TestDevicesInMemoryAreBounded(t *testing.T) {
	d := inmem.NewDevices().AtMost(100)
	for i := range 1000 {
		u := chat.UserID(fmt.Sprint("person ", i))
		if _, _, err := d.Beat(t.Context(), []chat.Beat{{User: u, Login: "login"}}); err != nil || d.Known() > 100 {
			t.Fatalf("%d people are known (%v)", d.Known(), err)
		}
		there, _, err := d.Presences(t.Context(), []chat.UserID{u})
		if err != nil || len(there) != 1 {
			t.Fatalf("who came last is not there (%v)", err)
		}
	}
}

func BenchmarkDevicesInMemory(b *testing.B) {
	const people = 100_000
	d := inmem.NewDevices()
	beats := make([]chat.Beat, people)
	for i := range beats {
		beats[i] = chat.Beat{User: chat.UserID(fmt.Sprintf("0190a000-0000-7000-8000-%012d", i)), Login: "login", Privacy: chat.Privacy{Enabled: true}}
	}
	for b.Loop() {
		if _, _, err := d.Beat(b.Context(), beats); err != nil {
			b.Fatal(err)
		}
		if _, err := d.Lapse(b.Context(), 1000); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/people, "ns/beat")
}
