package chat_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// stoodStill is a world in which all are told to be offline while their node stands still for 28 seconds, and were heard last
// 5 seconds before.
func stoodStill(t *testing.T, people int, after time.Duration) (w attended, all []*connection) {
	w = newAttended(t, people)
	for i := range people {
		all = append(all, w.come(t, i, "", ""))
	}
	time.Sleep(20 * time.Second)
	for _, c := range all {
		c.silent.Store(true)
	}
	synctest.Wait()
	w.StandStill(28 * time.Second)
	// Leases end elsewhere.
	w.devices.lose()
	time.Sleep(after)
	return w, all
}

func TestWhoClosedWhileTheirNodeStoodStillDoesNotComeBack(t *testing.T) {
	for _, after := range []time.Duration{0, 1100 * time.Millisecond} {
		t.Run(fmt.Sprint("read ", after, " after it"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, all := stoodStill(t, 3, after)
				since := time.Now()
				all[0].Leave(chat.ExitClosed)
				all[1].Heard(time.Now())
				all[1].Leave(chat.ExitClosed)
				all[2].Heard(time.Now())
				time.Sleep(5 * time.Second)
				all[2].Leave(chat.ExitClosed)
				time.Sleep(time.Minute)
				for i := range all {
					if told := w.told(i, since); len(told) > 0 {
						t.Errorf("of %d it was told %v", i, told)
					}
				}
			})
		})
	}
}

func TestWhatWasNotToldBeforeANodeStoodStillBringsNobodyBack(t *testing.T) {
	for name, before := range map[string]func(c *connection){
		"they closed": func(c *connection) { c.Leave(chat.ExitClosed) },
		"they were heard, and all of them beat again": func(c *connection) {
			c.Heard(time.Now())
			c.silent.Store(true)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newAttended(t, 1)
				c := w.come(t, 0, "", "")
				time.Sleep(14900 * time.Millisecond)
				before(c)
				w.StandStill(23 * time.Second)
				w.devices.lose()
				w.BeatAgain()
				since := time.Now()
				time.Sleep(2 * time.Minute)
				if told := w.told(0, since); len(told) > 0 {
					t.Errorf("it was told %v", told)
				}
			})
		})
	}
}

func TestWhoIsThereWhenTheirNodeStoodStillIsAskedAndComesBackOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, all := stoodStill(t, 1, 0)
		since := time.Now()
		ask := all[0].Heard(since)
		if wait := ask.Sub(since); wait <= 0 || wait > 3*time.Second {
			t.Fatalf("they are asked after %v", wait)
		}
		time.Sleep(time.Until(ask))
		if again := all[0].Heard(time.Now()); !again.IsZero() {
			t.Errorf("they answered, and are asked again after %v", time.Until(again))
		}
		time.Sleep(2 * time.Second)
		all[0].Leave(chat.ExitClosed)
		left := time.Now()
		time.Sleep(time.Minute)
		if told := w.told(0, since); fmt.Sprint(told) != "[online offline]" {
			t.Errorf("it was told %v", told)
		}
		if took := w.when(0, left); took < chat.DeviceLease-time.Second {
			t.Errorf("offline %v after they closed", took)
		}
	})
}

func TestAShortStandstillShortensNoLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newAttended(t, 1)
		c := w.come(t, 0, "", "")
		time.Sleep(16 * time.Second)
		synctest.Wait()
		w.StandStill(4 * time.Second)
		if ask := c.Heard(time.Now()); !ask.IsZero() {
			t.Error("they are asked though the process ran")
		}
	})
}
