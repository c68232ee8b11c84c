package obs_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/obs"
)

func TestTheSendsOfTheLastMinuteAreThoseOfTheLastMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		metrics := obs.New(nil)
		recent := obs.NewRecent(metrics)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- recent.Run(ctx) }()
		metrics.Sent(obs.Stored, 20*time.Second)
		metrics.Sent(obs.Rejected, time.Millisecond)
		time.Sleep(time.Second)
		sends, while := recent.Sends()
		if while != time.Second || sends.ByResult[obs.Stored] != 1 || sends.ByResult[obs.Rejected] != 1 || sends.Times[obs.Endless] != 1 {
			t.Errorf("after a second: %v, %+v", while, sends)
		}
		time.Sleep(30 * time.Second)
		metrics.Sent(obs.Stored, 400*time.Millisecond)
		time.Sleep(40 * time.Second)
		sends, while = recent.Sends()
		if while < time.Minute || while > 66*time.Second {
			t.Errorf("the last minute has %v", while)
		}
		if sends.ByResult[obs.Stored] != 1 || len(sends.ByResult) != 1 || sends.Times["0.5"] != 1 || len(sends.Times) != 1 {
			t.Errorf("the last minute: %+v", sends)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
