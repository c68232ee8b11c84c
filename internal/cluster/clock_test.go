package cluster

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestTheDatabasesTimeIsReckonedByTheBestOfItsAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c clock
		off := -5 * time.Minute
		ask := func(there, back time.Duration) {
			began := time.Now()
			time.Sleep(there)
			said := time.Now().Add(off)
			time.Sleep(back)
			c.answered(said, began, time.Now())
		}
		want := func(name string, wrong, unsure time.Duration) {
			t.Helper()
			now, within, known := c.now()
			if !known || now.Sub(time.Now().Add(off)).Abs() != wrong || within != unsure {
				t.Errorf("%s: it is wrong by %v and unsure of %v", name, now.Sub(time.Now().Add(off)), within)
			}
		}
		if _, _, known := c.now(); known {
			t.Error("it knows the time before it was told")
		}
		ask(4*time.Millisecond, 2*time.Millisecond)
		want("the first answer", time.Millisecond, 3*time.Millisecond)
		ask(0, 80*time.Millisecond)
		want("a slow one", time.Millisecond, 3*time.Millisecond+80*time.Millisecond*drift/1e6)
		ask(time.Millisecond, time.Millisecond)
		want("a better one", 0, time.Millisecond)
		time.Sleep(time.Minute)
		want("a minute later", 0, time.Millisecond+time.Minute*drift/1e6)
		ask(3*time.Millisecond, time.Millisecond)
		want("a new one that is better than the old one is by now", time.Millisecond, 2*time.Millisecond)
		off += time.Second
		ask(25*time.Millisecond, 25*time.Millisecond)
		want("after one of the clocks was set", 0, 25*time.Millisecond)
		if _, known := (&Registry{clock: clock{known: true, at: time.Now(), within: 26 * time.Millisecond}}).Clock(); known {
			t.Error("something is timed by a clock that is unsure")
		}
	})
}
