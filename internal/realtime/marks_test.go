package realtime

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

func TestWhereNobodyRecordsMarkingAFrameCostsNoMemory(t *testing.T) {
	h := NewHub(Config{}, Alone{})
	frames, of := [][]byte{[]byte("{}")}, chat.NewTrace()
	if n := testing.AllocsPerRun(1000, func() { h.Mark(frames[0], of); h.Written(frames) }); n != 0 {
		t.Errorf("it allocates %v times", n)
	}
}

func TestOnlyFramesOfRecordedTracesAreToldAndOfEachEightSockets(t *testing.T) {
	var told []chat.Trace
	m := newMarks(func(of chat.Trace, began time.Time) {
		if time.Since(began) < 0 {
			t.Errorf("it began at %v", began)
		}
		told = append(told, of)
	})
	recorded, not := chat.NewTrace(), chat.NewTrace()
	recorded.Sampled = true
	mine, other := []byte("{mine}"), []byte("{other}")
	if n := testing.AllocsPerRun(1000, func() { m.put(other, not); m.written([][]byte{other}) }); n != 0 {
		t.Errorf("of a trace that is not recorded it allocates %v times", n)
	}
	m.put(mine, recorded)
	for range 2 * marksTold {
		m.written([][]byte{other, mine})
	}
	if len(told) != marksTold || told[0] != recorded {
		t.Errorf("it is told %d times", len(told))
	}
	if m.count.Load() != 0 {
		t.Errorf("%d frames are marked", m.count.Load())
	}
}

func TestFramesThatNobodyTakesAreForgotten(t *testing.T) {
	m := newMarks(func(chat.Trace, time.Time) { t.Error("one was told") })
	recorded := chat.NewTrace()
	recorded.Sampled = true
	first := []byte("{first}")
	m.put(first, recorded)
	for range 2 * maxMarks {
		m.put([]byte("{}"), recorded)
	}
	if m.count.Load() > maxMarks || len(m.order) > maxMarks {
		t.Errorf("%d frames are marked", m.count.Load())
	}
	m.written([][]byte{first})
}
