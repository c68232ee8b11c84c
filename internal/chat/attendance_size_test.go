package chat

import (
	"testing"
	"time"
	"unsafe"
)

func TestAnAttendanceIsSmall(t *testing.T) {
	// An idle connection has 6 kB (P6).
	if size := unsafe.Sizeof(Attendance{}); size > 128 {
		t.Errorf("an attendance has %d bytes", size)
	}
}

func BenchmarkAFrameOfAnAttendance(b *testing.B) {
	for name, frame := range map[string]func(*Attendance, time.Time){
		"heard":     func(a *Attendance, now time.Time) { a.Heard(now) },
		"active":    func(a *Attendance, now time.Time) { a.Heard(now); a.Active(now, Trace{}) },
		"heartbeat": func(a *Attendance, now time.Time) { a.Heard(now); a.Heartbeat(now, StatusOnline, Device{}, Trace{}) },
	} {
		b.Run(name, func(b *testing.B) {
			k := newAttendances(nil)
			a := &Attendance{of: k, person: new(attendee)}
			now := time.Now()
			for b.Loop() {
				frame(a, now)
			}
		})
	}
}
