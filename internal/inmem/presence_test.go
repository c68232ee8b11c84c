package inmem_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
)

func TestSomebodyIsOfflineOnceThirtySecondsAfterTheirLastSignOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := inmem.NewDevices()
		b := chat.Beat{User: "anna", Login: "login", Type: chat.Desktop, Privacy: chat.Privacy{Rev: 1, Enabled: true, Sharing: chat.ShareEveryone}}
		heard := time.Now()
		changed, _, err := d.Beat(t.Context(), []chat.Beat{b})
		if err != nil || len(changed) != 1 || changed[0].Status != chat.StatusOnline || changed[0].Device != chat.Desktop {
			t.Fatalf("a first beat changes %+v (%v)", changed, err)
		}
		time.Sleep(chat.DeviceLease - time.Millisecond)
		if offline, err := d.Lapse(t.Context(), 10); err != nil || len(offline) != 0 {
			t.Errorf("within the lease %+v lapse (%v)", offline, err)
		}
		time.Sleep(time.Millisecond)
		offline, err := d.Lapse(t.Context(), 10)
		if err != nil || len(offline) != 1 || !offline[0].SeenAt.Equal(heard) || offline[0].Version <= changed[0].Version {
			t.Fatalf("after it %+v lapse (%v)", offline, err)
		}
		if err := d.Settle(t.Context(), offline); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		if offline, err := d.Lapse(t.Context(), 10); err != nil || len(offline) != 0 {
			t.Errorf("settled, %+v lapse again (%v)", offline, err)
		}
	})
}
