package realtime

import "testing"

func TestAnOutboxThatIsNeverEmptyKeepsRoomOnlyForWhatWaits(t *testing.T) {
	o := NewOutbox(func() {}, func(Closing) {})
	frame := make([]byte, 100)
	o.Send(frame)
	for range 100_000 {
		o.Send(frame)
		if taken, _ := o.Take(nil, 1); len(taken) != 1 {
			t.Fatalf("%d frames were taken", len(taken))
		}
	}
	if n := cap(o.frames); n > 64 {
		t.Errorf("there is room for %d frames, and 1 waits", n)
	}
}
