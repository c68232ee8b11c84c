package inmem_test

import (
	"context"
	"errors"
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
	var d *inmem.Devices
	devicestest.Run(t, devicestest.World{
		New: func(rapid.TB) []chat.Devices {
			d = inmem.NewDevices()
			return []chat.Devices{d}
		},
		Pass: func(t rapid.TB, by time.Duration) { pass(t, d, by) },
		In:   synctest.Test,
	})
}

// pass lets time pass on a node that runs, and looks for who lapsed without taking anybody.
func pass(t rapid.TB, d *inmem.Devices, by time.Duration) {
	for ; by > 0; by -= time.Second {
		time.Sleep(min(by, time.Second))
		if _, err := d.Lapse(context.Background(), 0); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhenTheProcessStoodStillNobodyIsGoneWhoHadNoTimeToBeHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := inmem.NewDevices()
		beat := func(u chat.UserID) {
			t.Helper()
			if _, _, err := d.Beat(t.Context(), []chat.Beat{{User: u, Login: "login"}}); err != nil {
				t.Fatal(err)
			}
		}
		expect := func(when string, gone int, sure bool) {
			t.Helper()
			offline, err := d.Lapse(t.Context(), 10)
			_, isSure, err2 := d.Presences(t.Context(), []chat.UserID{"anna"})
			if err := errors.Join(err, err2); err != nil || len(offline) != gone || isSure != sure {
				t.Errorf("%s %d lapse, sure %v (%v)", when, len(offline), isSure, err)
			}
		}
		beat("anna")
		beat("ben")
		time.Sleep(40 * time.Second)
		expect("at first", 0, false)
		pass(t, d, 20*time.Second)
		beat("anna")
		pass(t, d, 9*time.Second)
		expect("in the lease after it", 0, false)
		pass(t, d, time.Second)
		expect("then", 1, true)
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
		pass(t, d, chat.DeviceLease)
		offline, err := d.Lapse(t.Context(), 2000)
		if err != nil || len(offline) != 1000 {
			t.Fatalf("%d people lapsed (%v)", len(offline), err)
		}
		if err := d.Settle(t.Context(), offline); err != nil {
			t.Fatal(err)
		}
		pass(t, d, chat.DeviceLease)
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
