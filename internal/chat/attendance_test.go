package chat_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
)

// distantDevices are devices that can be away, or lose everything.
type distantDevices struct {
	mu      sync.Mutex
	devices chat.Devices
	away    atomic.Bool
	slow    time.Duration // how long a call of Beat takes
	batches [][]chat.Beat
	when    []time.Time
}

func newDistantDevices() *distantDevices { return &distantDevices{devices: inmem.NewDevices()} }

var errDevicesAway = errors.New("the devices are away")

func (d *distantDevices) use() (chat.Devices, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.away.Load() {
		return nil, errDevicesAway
	}
	return d.devices, nil
}

// lose has everything lost that they know.
func (d *distantDevices) lose() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.devices = inmem.NewDevices()
}

func (d *distantDevices) Beat(ctx context.Context, beats []chat.Beat) ([]chat.Presence, map[chat.UserID]chat.Privacy, error) {
	in, err := d.use()
	if err != nil {
		return nil, nil, err
	}
	d.mu.Lock()
	d.batches, d.when = append(d.batches, slices.Clone(beats)), append(d.when, time.Now())
	d.mu.Unlock()
	time.Sleep(d.slow)
	return in.Beat(ctx, beats)
}

func (d *distantDevices) End(ctx context.Context, u chat.UserID, l chat.LoginID) ([]chat.Presence, error) {
	in, err := d.use()
	if err != nil {
		return nil, err
	}
	return in.End(ctx, u, l)
}

func (d *distantDevices) SetPrivacy(ctx context.Context, u chat.UserID, p chat.Privacy, seenAt time.Time) ([]chat.Presence, error) {
	in, err := d.use()
	if err != nil {
		return nil, err
	}
	return in.SetPrivacy(ctx, u, p, seenAt)
}

func (d *distantDevices) Presences(ctx context.Context, users []chat.UserID) (map[chat.UserID]chat.Presence, bool, error) {
	in, err := d.use()
	if err != nil {
		return nil, false, err
	}
	return in.Presences(ctx, users)
}

func (d *distantDevices) Lapse(ctx context.Context, limit int) ([]chat.Presence, error) {
	in, err := d.use()
	if err != nil {
		return nil, err
	}
	return in.Lapse(ctx, limit)
}

func (d *distantDevices) Settle(ctx context.Context, offline []chat.Presence) error {
	in, err := d.use()
	if err != nil {
		return err
	}
	return in.Settle(ctx, offline)
}

// attended is a world of which presence is known.
type attended struct {
	*world
	devices *distantDevices
}

func newAttended(t *testing.T, people int, more ...func(*chat.Config)) attended {
	t.Helper()
	d := newDistantDevices()
	cfg := chat.Config{NewID: newID, Devices: d}
	for _, change := range more {
		change(&cfg)
	}
	return attended{newWorldWith(t, people, cfg), d}
}

// connection is a connection of a person, of which a pong comes every 15 seconds until it leaves.
type connection struct {
	*chat.Attendance
	silent atomic.Bool
	stop   func()
}

// Leave ends its reading first, as every connection does.
func (c *connection) Leave(how chat.Exit) {
	c.stop()
	c.Attendance.Leave(how)
}

func loginOf(u chat.UserID) chat.LoginID { return chat.LoginID("login of " + u) }

func (w attended) come(t *testing.T, i int, device string, kind chat.DeviceType) *connection {
	t.Helper()
	u := w.people[i]
	c := &connection{Attendance: w.Attend(u, loginOf(u), chat.Device{ID: device, Type: kind}, chat.Trace{})}
	gone, ended := make(chan struct{}), make(chan struct{})
	c.stop = sync.OnceFunc(func() { close(gone); <-ended })
	go func() {
		defer close(ended)
		pongs := time.NewTicker(15 * time.Second)
		defer pongs.Stop()
		for {
			select {
			case <-pongs.C:
				if !c.silent.Load() {
					c.Heard(time.Now())
				}
			case <-gone:
				return
			}
		}
	}()
	t.Cleanup(c.stop)
	return c
}

// told is what was told of a person since a time, as words.
func (w attended) told(i int, since time.Time) []string {
	w.heard.mu.Lock()
	defer w.heard.mu.Unlock()
	var out []string
	for _, s := range w.heard.seen {
		if s.User == w.people[i] && !s.at.Before(since) {
			out = append(out, string(s.Status))
		}
	}
	return out
}

// when is how long after a time the last thing was told of a person.
func (w attended) when(i int, since time.Time) time.Duration {
	w.heard.mu.Lock()
	defer w.heard.mu.Unlock()
	for _, s := range slices.Backward(w.heard.seen) {
		if s.User == w.people[i] {
			return s.at.Sub(since)
		}
	}
	return -1
}

func (w attended) wantTold(t *testing.T, i int, since time.Time, want ...string) {
	t.Helper()
	if got := w.told(i, since); !slices.Equal(got, want) {
		t.Errorf("of person %d it is told %v, want %v", i, got, want)
	}
}

func (w attended) lastSeen(t *testing.T, i int) time.Time {
	t.Helper()
	related, err := w.Relations(t.Context(), w.people[len(w.people)-1], []chat.UserID{w.people[i]})
	if err != nil {
		t.Fatal(err)
	}
	return related[w.people[i]].SeenAt
}

func wantBetween(t *testing.T, what string, got, from, to time.Duration) {
	t.Helper()
	if got < from || got > to {
		t.Errorf("%s after %v, want %v to %v", what, got, from, to)
	}
}

func TestWhoConnectsIsOnlineInAMomentAndOfflineThirtySecondsAfterTheirLastConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newAttended(t, 2)
		began := time.Now()
		c := w.come(t, 0, "", chat.Desktop)
		time.Sleep(10 * time.Minute)
		c.Heartbeat(time.Now(), chat.StatusOnline, chat.Device{}, chat.Trace{})
		time.Sleep(time.Minute)
		w.wantTold(t, 0, began, "online", "away", "online")
		left := time.Now()
		c.Leave(chat.ExitClosed)
		time.Sleep(40 * time.Second)
		w.wantTold(t, 0, left, "offline")
		wantBetween(t, "offline", w.when(0, left), 30*time.Second, 32*time.Second)
		if seen := w.lastSeen(t, 0); seen.Sub(left).Abs() > 200*time.Millisecond {
			t.Errorf("seen last at %v, left at %v", seen, left)
		}
		c.Leave(chat.ExitClosed)
	})
}

func TestOfAHiddenTabOnlyPongsComeAndItStaysThereAndIsAwayAfterFiveMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newAttended(t, 2)
		began := time.Now()
		w.come(t, 0, "", "")
		time.Sleep(3 * time.Hour)
		w.wantTold(t, 0, began, "online", "away")
		wantBetween(t, "away", w.when(0, began), 5*time.Minute, 5*time.Minute+1200*time.Millisecond)
	})
}

func TestOffAndOnAgainInsideThirtySecondsTellsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newAttended(t, 2)
		w.come(t, 0, "phone", chat.Mobile).Leave(chat.ExitClosed)
		time.Sleep(time.Second)
		since := time.Now()
		for range 20 {
			time.Sleep(28 * time.Second)
			w.come(t, 0, "phone", chat.Mobile).Leave(chat.ExitClosed)
		}
		w.wantTold(t, 0, since)
	})
}

func TestASilentConnectionIsGoneThirtySecondsAfterItsLastFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newAttended(t, 2)
		c := w.come(t, 0, "", "")
		time.Sleep(time.Minute + time.Second) // a second after a pong
		last := time.Now().Add(-time.Second)
		c.silent.Store(true)
		time.Sleep(29 * time.Second)
		c.Leave(chat.ExitSilent)
		time.Sleep(time.Minute)
		w.wantTold(t, 0, last, "offline")
		wantBetween(t, "offline", w.when(0, last), 30*time.Second, 32*time.Second)
		if seen := w.lastSeen(t, 0); seen.Sub(last).Abs() > 200*time.Millisecond {
			t.Errorf("seen last at %v, heard last at %v", seen, last)
		}
	})
}

func TestAClientSaysThatItsPersonIsAwayAndActivityBringsThemBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newAttended(t, 2)
		c := w.come(t, 0, "", "")
		time.Sleep(10 * time.Second)
		for _, step := range []struct {
			do   func()
			want string
		}{
			{func() { c.Heartbeat(time.Now(), chat.StatusAway, chat.Device{}, chat.Trace{}) }, "away"},
			{func() { c.Active(time.Now(), chat.Trace{}) }, "online"},
			{func() { c.Heartbeat(time.Now(), chat.StatusAway, chat.Device{}, chat.Trace{}) }, "away"},
			{func() { c.Heartbeat(time.Now(), chat.StatusOnline, chat.Device{}, chat.Trace{}) }, "online"},
		} {
			since := time.Now()
			step.do()
			time.Sleep(5 * time.Second)
			w.wantTold(t, 0, since, step.want)
			wantBetween(t, step.want, w.when(0, since), 0, 150*time.Millisecond)
		}
		since := time.Now()
		for range 300 {
			c.Heartbeat(time.Now(), chat.StatusAway, chat.Device{}, chat.Trace{})
			time.Sleep(time.Second)
		}
		w.wantTold(t, 0, since, "away")
	})
}

func TestAThousandHeartbeatsASecondFlipADeviceOnceASecondAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newAttended(t, 2)
		c := w.come(t, 0, "", "")
		time.Sleep(10 * time.Second)
		since := time.Now()
		w.devices.mu.Lock()
		before := len(w.devices.batches)
		w.devices.mu.Unlock()
		for i := range 10_000 {
			status := chat.StatusOnline
			if i%2 == 0 {
				status = chat.StatusAway
			}
			c.Heartbeat(time.Now(), status, chat.Device{Type: chat.Desktop}, chat.Trace{})
			time.Sleep(time.Millisecond)
		}
		if n := len(w.told(0, since)); n > 11 {
			t.Errorf("%d changes in 10 s", n)
		}
		w.devices.mu.Lock()
		defer w.devices.mu.Unlock()
		if n := len(w.devices.batches) - before; n > 12 {
			t.Errorf("%d beats in 10 s", n)
		}
	})
}

func TestSteadyBeatsComeEveryFifteenSecondsSpreadAndInBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newAttended(t, 3)
		const each = 400
		for i := range each {
			for j := range w.people[:2] {
				w.come(t, j, fmt.Sprint("device ", i), "")
			}
			time.Sleep(50 * time.Microsecond)
		}
		time.Sleep(4 * time.Minute)
		w.devices.mu.Lock()
		defer w.devices.mu.Unlock()
		last := make(map[string]time.Time)
		bySecond := make(map[int64]int)
		for i, batch := range w.devices.batches {
			if len(batch) > 500 {
				t.Errorf("%d beats at once", len(batch))
			}
			at := w.devices.when[i]
			for _, b := range batch {
				key := string(b.User) + b.DeviceID
				if before, known := last[key]; known {
					bySecond[at.Unix()]++
					if gap := at.Sub(before); gap < 14*time.Second || gap > 19*time.Second {
						t.Fatalf("%v between two beats", gap)
					}
				}
				last[key] = at
				if b.Heard > 4*time.Second {
					t.Fatalf("a beat of what was heard %v ago", b.Heard)
				}
			}
		}
		if len(last) != 2*each {
			t.Errorf("%d devices beat", len(last))
		}
		for second, n := range bySecond {
			if n > each*3/2 {
				t.Errorf("%d of %d beat in second %d", n, 2*each, second)
			}
		}
	})
}

func TestWhileTheDevicesAreAwayNobodyFlapsAndWhatWasMissedIsToldWhenTheyAreBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var said []string
		w := newAttended(t, 3, func(c *chat.Config) {
			c.PresenceFailed = func(part string, err error) {
				mu.Lock()
				defer mu.Unlock()
				said = append(said, fmt.Sprint(part, " ", err != nil))
			}
		})
		began := time.Now()
		w.come(t, 0, "", "")
		time.Sleep(41 * time.Second)
		w.devices.away.Store(true)
		w.come(t, 1, "", "")
		left := w.come(t, 0, "second", "")
		time.Sleep(5 * time.Second)
		left.Leave(chat.ExitClosed)
		time.Sleep(5 * time.Second)
		w.devices.away.Store(false)
		back := time.Now()
		time.Sleep(10 * time.Second)
		w.wantTold(t, 0, began, "online")
		w.wantTold(t, 1, began, "online")
		wantBetween(t, "online", w.when(1, back), 0, 1100*time.Millisecond)
		mu.Lock()
		defer mu.Unlock()
		slices.Sort(said)
		if want := []string{"beats false", "beats true", "lapses false", "lapses true"}; !slices.Equal(said, want) {
			t.Errorf("the operator is told %v", said)
		}
	})
}

func TestWhenEverythingIsLostAllBeatAgainAtOnceAndWhoHadJustLeftIsOfflineInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newAttended(t, 4)
		w.come(t, 0, "", "")
		w.come(t, 1, "", "")
		out := w.come(t, 2, "", "")
		time.Sleep(20 * time.Second)
		left := time.Now()
		out.Leave(chat.ExitClosed)
		time.Sleep(10 * time.Second)
		w.devices.lose()
		lost := time.Now()
		w.BeatAgain()
		time.Sleep(200 * time.Millisecond)
		there, _, err := w.Presences(t.Context(), w.people)
		if err != nil || len(there) != 3 {
			t.Errorf("after %v %d are there: %v", time.Since(lost), len(there), err)
		}
		time.Sleep(time.Minute)
		w.wantTold(t, 2, left, "online", "offline") // the first by devices that know nothing of before
		wantBetween(t, "offline", w.when(2, left), 30*time.Second, 32*time.Second)
	})
}

func TestWhoseLoginEndsIsOfflineAtOnceThoughTheConnectionWasClosedBefore(t *testing.T) {
	for name, exit := range map[string]chat.Exit{"the connection closed first": chat.ExitClosed, "with it": chat.ExitSignedOut} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newAttended(t, 2)
				c := w.come(t, 0, "", "")
				time.Sleep(20 * time.Second)
				out := time.Now()
				if exit == chat.ExitClosed {
					c.Leave(exit)
					time.Sleep(time.Second)
				}
				w.LoginEnded(w.people[0], loginOf(w.people[0]), chat.Trace{})
				c.Leave(exit)
				time.Sleep(2 * time.Minute)
				w.wantTold(t, 0, out, "offline")
				wantBetween(t, "offline", w.when(0, out), 0, 1300*time.Millisecond)
				if seen := w.lastSeen(t, 0); seen.Before(out.Add(-15*time.Second)) || seen.After(out.Add(time.Second)) {
					t.Errorf("seen last %v after they signed out", seen.Sub(out))
				}
			})
		})
	}
}

func TestALoginThatEndsWhileTheDevicesAreAwayIsEndedWhenTheyAreBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newAttended(t, 2)
		c := w.come(t, 0, "", "")
		time.Sleep(16 * time.Second)
		w.devices.away.Store(true)
		w.LoginEnded(w.people[0], loginOf(w.people[0]), chat.Trace{})
		c.Leave(chat.ExitSignedOut)
		time.Sleep(5 * time.Second)
		w.devices.away.Store(false)
		back := time.Now()
		time.Sleep(10 * time.Second)
		w.wantTold(t, 0, back, "offline")
		wantBetween(t, "offline", w.when(0, back), 0, 1200*time.Millisecond)
	})
}

func TestTheBestOfSeveralDevicesIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newAttended(t, 2)
		began := time.Now()
		desktop := w.come(t, 0, "desktop", chat.Desktop)
		time.Sleep(5 * time.Second)
		phone := w.come(t, 0, "phone", chat.Mobile)
		time.Sleep(5 * time.Second)
		phone.Heartbeat(time.Now(), chat.StatusAway, chat.Device{}, chat.Trace{})
		time.Sleep(5 * time.Second)
		desktop.Heartbeat(time.Now(), chat.StatusAway, chat.Device{}, chat.Trace{})
		time.Sleep(5 * time.Second)
		desktop.Leave(chat.ExitClosed)
		time.Sleep(time.Minute)
		w.heard.mu.Lock()
		defer w.heard.mu.Unlock()
		var got []string
		for _, s := range w.heard.seen {
			got = append(got, fmt.Sprint(s.Status, " ", s.Device))
		}
		if want := []string{"online desktop", "online mobile", "away mobile"}; !slices.Equal(got, want) {
			t.Errorf("%v is told after %v", got, time.Since(began))
		}
	})
}

// unreadable is a store that does not say who may know of whom.
type unreadable struct {
	chat.Store
	away *atomic.Bool
}

func (u unreadable) Privacies(ctx context.Context, users []chat.UserID) (map[chat.UserID]chat.Privacy, error) {
	if u.away.Load() {
		return nil, &chat.Error{Code: chat.CodeDBTimeout}
	}
	return u.Store.Privacies(ctx, users)
}

func TestNobodyIsShownBeforeItIsKnownWhoMayKnow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newWorld(t, 2)
		away := new(atomic.Bool)
		d := newDistantDevices()
		w := attended{&world{store: in.store, heard: newRecorder(), people: in.people}, d}
		w.Service = chat.New(chat.Config{NewID: newID, Devices: d}, unreadable{in.store, away}, w.heard)
		w.run(t)
		invisible := true
		if _, err := in.UpdateMe(t.Context(), w.people[0], chat.ProfileEdit{PresenceInvisible: &invisible}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		w.come(t, 1, "", "")
		time.Sleep(time.Second)
		away.Store(true)
		c := w.come(t, 0, "", "")
		time.Sleep(20 * time.Second)
		if len(w.told(0, began)) > 0 {
			t.Errorf("it is told %v", w.told(0, began))
		}
		w.wantTold(t, 1, began, "online")
		time.Sleep(20 * time.Second)
		w.wantTold(t, 1, began, "online")
		away.Store(false)
		time.Sleep(30 * time.Second)
		c.Leave(chat.ExitClosed)
		time.Sleep(time.Minute)
		if slices.Contains(w.told(0, began), "online") {
			t.Errorf("of somebody invisible it is told %v", w.told(0, began))
		}
		if !w.lastSeen(t, 0).Before(began.Add(time.Second)) {
			t.Errorf("and that they were seen at %v", w.lastSeen(t, 0))
		}
	})
}

func TestANodeWhoseDevicesEndWithItNotesWhoIsHereButNobodyInvisible(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newWorld(t, 4)
		w := attended{&world{store: in.store, heard: newRecorder(), people: in.people}, newDistantDevices()}
		w.Service = chat.New(chat.Config{NewID: newID, Devices: w.devices, OwnDevices: true}, in.store, w.heard)
		ctx, stop := context.WithCancel(t.Context())
		ran := make(chan struct{})
		go func() {
			_ = w.Run(ctx)
			close(ran)
		}()
		invisible := true
		if _, err := w.UpdateMe(t.Context(), w.people[2], chat.ProfileEdit{PresenceInvisible: &invisible}); err != nil {
			t.Fatal(err)
		}
		hidden := time.Now()
		w.come(t, 0, "", "")
		drained := w.come(t, 1, "", "")
		w.come(t, 2, "", "")
		time.Sleep(time.Hour)
		end := time.Now()
		drained.Leave(chat.ExitClosed)
		stop()
		<-ran
		for i := range 2 {
			if seen := w.lastSeen(t, i); end.Sub(seen) > 16*time.Second || seen.After(end.Add(time.Second)) {
				t.Errorf("person %d was seen %v before the end", i, end.Sub(seen))
			}
		}
		if seen := w.lastSeen(t, 2); seen.After(hidden.Add(time.Second)) {
			t.Errorf("who is invisible was seen at %v", seen)
		}
	})
}

func TestABeatBetweenTheCommitAndTheTellingDoesNotSayWithoutTheTimeThatSomebodyHid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newAttended(t, 2)
		w.come(t, 0, "", "")
		time.Sleep(20 * time.Second)
		began := time.Now()
		invisible := true
		// Another node commits it, and is about to tell it.
		hidden, err := w.store.UpdateMe(t.Context(), w.people[0], chat.ProfileEdit{PresenceInvisible: &invisible}, true)
		if err != nil {
			t.Fatal(err)
		}
		w.BeatAgain()
		time.Sleep(200 * time.Millisecond)
		w.wantTold(t, 0, began)
		if _, err := w.devices.SetPrivacy(t.Context(), w.people[0], hidden.Privacy, hidden.SeenAt); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		w.wantTold(t, 0, began)

		// One dies before it tells it.
		visible := false
		if _, err = w.UpdateMe(t.Context(), w.people[0], chat.ProfileEdit{PresenceInvisible: &visible}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		began = time.Now()
		if _, err = w.store.UpdateMe(t.Context(), w.people[0], chat.ProfileEdit{PresenceInvisible: &invisible}, true); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Second)
		w.wantTold(t, 0, began, "offline")
	})
}

func TestABeatThatWaitedForOthersDoesNotMakeSomebodyBeThereForLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newAttended(t, 2)
		w.devices.slow = 10 * time.Second
		for range 500 {
			w.come(t, 0, "", "")
		}
		began := time.Now()
		w.Attend(w.people[1], loginOf(w.people[1]), chat.Device{}, chat.Trace{}).Leave(chat.ExitClosed)
		time.Sleep(time.Minute)
		w.devices.mu.Lock()
		defer w.devices.mu.Unlock()
		for i, batch := range w.devices.batches {
			for _, b := range batch {
				if heard := w.devices.when[i].Add(-b.Heard).Sub(began); b.User == w.people[1] && heard.Abs() > time.Millisecond {
					t.Errorf("a beat says that somebody was heard %v later than they were", heard)
				}
			}
		}
	})
}

func TestManyConnectionsComeAndGoAtOnce(t *testing.T) {
	w := newAttended(t, 8)
	var crowd sync.WaitGroup
	for i := range 8 {
		crowd.Go(func() {
			for n := range 50 {
				a := w.Attend(w.people[i], loginOf(w.people[i]), chat.Device{}, chat.Trace{})
				for range 20 {
					a.Heard(time.Now())
					a.Active(time.Now(), chat.Trace{})
					a.Heartbeat(time.Now(), chat.StatusAway, chat.Device{ID: fmt.Sprint(n), Type: chat.Mobile}, chat.Trace{})
				}
				w.PrivacyHeard(w.people[i], chat.Privacy{Rev: int64(n), Enabled: true, Sharing: chat.ShareEveryone})
				w.BeatAgain()
				a.Leave(chat.ExitClosed)
			}
			w.LoginEnded(w.people[i], loginOf(w.people[i]), chat.Trace{})
		})
	}
	crowd.Wait()
}
