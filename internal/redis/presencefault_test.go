package redis_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chaos/proxy"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/redis"
	"github.com/parley-chat/parley/internal/redistest"
)

// signOf is a sign of life of somebody who is there now and hides nothing.
func signOf(u chat.UserID) chat.Beat {
	return chat.Beat{
		User: u, Login: "login", DeviceID: "device", Type: chat.Desktop,
		Privacy: chat.Privacy{Rev: 1, Enabled: true, Sharing: chat.ShareEveryone},
	}
}

// told beats and returns how many people it changes.
func told(t *testing.T, d *redis.Devices, users ...chat.UserID) int {
	t.Helper()
	var beats []chat.Beat
	for _, u := range users {
		beats = append(beats, signOf(u))
	}
	changed, _, err := d.Beat(t.Context(), beats)
	if err != nil {
		t.Fatal(err)
	}
	return len(changed)
}

func expectThere(t *testing.T, d *redis.Devices, wantSure bool, want ...chat.UserID) {
	t.Helper()
	there, isSure, err := d.Presences(t.Context(), []chat.UserID{"anna", "ben", "cem"})
	if err != nil || isSure != wantSure || len(there) != len(want) {
		t.Errorf("there are %+v (sure %v, %v), want %q", there, isSure, err, want)
	}
	for _, u := range want {
		if there[u].Status != chat.StatusOnline {
			t.Errorf("%s is %q", u, there[u].Status)
		}
	}
}

func lapses(t *testing.T, d *redis.Devices) (users []chat.UserID) {
	t.Helper()
	offline, err := d.Lapse(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range offline {
		users = append(users, p.User)
	}
	slices.Sort(users)
	return users
}

// keep runs devices and counts what they tell.
func keep(t *testing.T, d *redis.Devices) (lost, lapsed chan struct{}) {
	lost, lapsed = make(chan struct{}, 100), make(chan struct{}, 100)
	d.OnLost(func() { lost <- struct{}{} })
	d.OnLapsed(func() { lapsed <- struct{}{} })
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return lost, lapsed
}

func TestAPersonStandsInTheKeyOfThePlan(t *testing.T) {
	server := redistest.Start(t)
	d := redis.NewDevices(join(t, server.URL(), "a").Bus)
	b := signOf("anna")
	b.Heard, b.Active, b.Connected = 10*time.Second, time.Minute, time.Hour
	if _, _, err := d.Beat(t.Context(), []chat.Beat{b}); err != nil {
		t.Fatal(err)
	}
	stored := do(t, server, "GET", "presence:anna")
	for _, member := range []string{`"status":"online"`, `"lastActivity":1`, `"devices":[{`, `"deviceId":"device"`, `"type":"desktop"`, `"connectedAt":1`} {
		if !strings.Contains(stored, member) {
			t.Errorf("%s has no %s", stored, member)
		}
	}
	if ttl, _ := strconv.Atoi(do(t, server, "PTTL", "presence:anna")); ttl > 20_000 || ttl < 15_000 {
		t.Errorf("it expires in %d ms, want 20,000 at most", ttl)
	}
	if _, err := d.End(t.Context(), "anna", "login"); err != nil {
		t.Fatal(err)
	}
	stored = do(t, server, "GET", "presence:anna")
	ttl, _ := strconv.Atoi(do(t, server, "PTTL", "presence:anna"))
	if !strings.Contains(stored, `"devices":[]`) || !strings.Contains(stored, `"status":"offline"`) || ttl > 30_000 {
		t.Errorf("of somebody who signed out there is %s for %d ms", stored, ttl)
	}
	for _, key := range strings.Fields(do(t, server, "KEYS", "*")) {
		if ttl, _ := strconv.Atoi(do(t, server, "TTL", key)); ttl < 0 {
			t.Errorf("%s never expires", key)
		}
	}
}

func TestWhoWasThereIsToldAnewByARedisThatIsBackAndKnowsNothing(t *testing.T) {
	server := redistest.Start(t)
	n := join(t, server.URL(), "a")
	d := sure(t, redis.NewDevices(n.Bus), server)
	lost, _ := keep(t, d)
	told(t, d, "anna", "ben")
	expectThere(t, d, true, "anna", "ben")
	server.Kill()
	n.await(false)
	began := time.Now()
	_, _, err := d.Beat(t.Context(), []chat.Beat{signOf("cem")})
	_, _, asked := d.Presences(t.Context(), []chat.UserID{"anna"})
	_, swept := d.Lapse(t.Context(), 10)
	_, ended := d.End(t.Context(), "anna", "login")
	for _, err := range []error{err, asked, swept, ended, d.Settle(t.Context(), []chat.Presence{{User: "anna"}})} {
		if !errors.Is(err, redis.ErrAway) {
			t.Errorf("without Redis the answer is %v", err)
		}
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("five answers without Redis took %s", took)
	}
	for len(lost) > 0 {
		<-lost
	}
	restart(t, server)
	n.await(true)
	<-lost
	eventually(t, "an answer", func() bool {
		_, isSure, err := d.Presences(t.Context(), []chat.UserID{"anna"})
		return err == nil && !isSure
	})
	if changed := told(t, d, "anna", "ben", "cem"); changed != 3 {
		t.Errorf("of three who are there %d are told", changed)
	}
	expectThere(t, d, false, "anna", "ben", "cem")
	if gone := lapses(t, d); len(gone) != 0 {
		t.Errorf("%q lapse", gone)
	}
}

func TestAFrozenRedisHoldsNobodyUpAndWhatItTookUnheardIsTold(t *testing.T) {
	server := redistest.Start(t)
	n := join(t, server.URL(), "a")
	d := redis.NewDevices(n.Bus)
	told(t, d, "ben")
	server.Freeze()
	began := time.Now()
	if _, _, err := d.Beat(t.Context(), []chat.Beat{signOf("anna")}); !errors.Is(err, redis.ErrAway) {
		t.Errorf("a frozen Redis answers %v", err)
	}
	if _, _, err := d.Beat(t.Context(), []chat.Beat{signOf("ben")}); !errors.Is(err, redis.ErrAway) {
		t.Errorf("a frozen Redis answers %v", err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it held somebody up for %s", took)
	}
	server.Thaw()
	eventually(t, "the beat that was not answered", func() bool { return do(t, server, "EXISTS", "presence:anna") == "1" })
	eventually(t, "anna and ben being told, for nobody knows what of it was", func() bool {
		changed, _, err := d.Beat(t.Context(), []chat.Beat{signOf("anna"), signOf("ben")})
		if err == nil && len(changed) != 2 {
			t.Fatalf("told is %+v", changed)
		}
		return err == nil
	})
	if changed := told(t, d, "anna", "ben"); changed != 0 {
		t.Errorf("%d are told again", changed)
	}
}

func TestManyBeatsWaitForASlowRedisTogetherAndNotOneAfterTheOther(t *testing.T) {
	server := redistest.Start(t)
	slow, err := proxy.ListenRedis(server.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	d := redis.NewDevices(join(t, strings.Replace(server.URL(), server.Address(), slow.Address(), 1), "a").Bus).Patient()
	told(t, d, "ben")
	scripts := func() int {
		found := regexp.MustCompile(`cmdstat_evalsha:calls=(\d+)`).FindStringSubmatch(do(t, server, "INFO", "commandstats"))
		if found == nil {
			return 0
		}
		count, _ := strconv.Atoi(found[1])
		return count
	}
	before := scripts()
	var beats []chat.Beat
	for i := range 500 {
		beats = append(beats, signOf(chat.UserID(fmt.Sprint("person ", i))))
	}
	slow.Set(proxy.Weather{HoldDown: true})
	ended := make(chan error, 1)
	go func() {
		changed, _, err := d.Beat(context.WithoutCancel(t.Context()), beats)
		if err == nil && len(changed) != 500 {
			t.Errorf("%d are told", len(changed))
		}
		ended <- err
	}()
	// None is answered, and of ten calls a third are there.
	eventually(t, "the calls that wait together", func() bool { return scripts() == before+4 })
	slow.Set(proxy.Weather{})
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n := scripts(); n != before+10 {
		t.Errorf("500 took %d calls", n-before)
	}
}

func TestNoBeatBeginsWhenItsTimeIsOver(t *testing.T) {
	server := redistest.Start(t)
	d := redis.NewDevices(join(t, server.URL(), "a").Bus)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if changed, _, err := d.Beat(over, []chat.Beat{signOf("anna")}); !errors.Is(err, context.Canceled) || len(changed) > 0 {
		t.Errorf("it answers %+v, %v", changed, err)
	}
	if changed := told(t, d, "anna"); changed != 1 {
		t.Errorf("%d are told", changed)
	}
}

func TestARedisThatGoesBackTellsNothingOfBefore(t *testing.T) {
	for how, prepare := range goBack {
		t.Run(how, func(t *testing.T) {
			server := redistest.Start(t, "--save", "3600 1")
			n := join(t, server.URL(), "a")
			back := prepare(t, server, n)
			d := sure(t, redis.NewDevices(n.Bus), server)
			lost, _ := keep(t, d)
			told(t, d, "anna", "ben")
			// Cem had lapsed, and it was not settled, when the copy was taken.
			b := signOf("cem")
			b.Heard = 29 * time.Second
			if _, _, err := d.Beat(t.Context(), []chat.Beat{b}); err != nil {
				t.Fatal(err)
			}
			pass(t, 2*time.Second, server)
			if gone := lapses(t, d); !slices.Equal(gone, []chat.UserID{"cem"}) {
				t.Fatalf("%q lapse", gone)
			}
			back.fallBehind()
			hidden := chat.Privacy{Rev: 2, Enabled: true, Sharing: chat.ShareEveryone, Invisible: true}
			if _, err := d.SetPrivacy(t.Context(), "ben", hidden, time.Time{}); err != nil {
				t.Fatal(err)
			}
			if _, err := d.End(t.Context(), "anna", "login"); err != nil {
				t.Fatal(err)
			}
			newest, err := d.SetPrivacy(t.Context(), "anna", hidden, time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			for len(lost) > 0 {
				<-lost
			}
			back.goBack()
			eventually(t, "an answer that is not sure", func() bool {
				there, isSure, err := d.Presences(t.Context(), []chat.UserID{"anna", "ben"})
				if err == nil && len(there) != 0 {
					t.Fatalf("of before is told %+v", there)
				}
				return err == nil && !isSure
			})
			<-lost
			if gone := lapses(t, d); len(gone) != 0 {
				t.Errorf("%q lapse", gone)
			}
			b = signOf("anna")
			b.Login = "new"
			changed, _, err := d.Beat(t.Context(), []chat.Beat{b})
			if err != nil || len(changed) != 1 || changed[0].Version <= newest[0].Version {
				t.Errorf("told is %+v after version %d (%v)", changed, newest[0].Version, err)
			}
			pass(t, chat.DeviceLease+time.Second, server)
			if gone := lapses(t, d); !slices.Equal(gone, []chat.UserID{"anna", "ben", "cem"}) {
				t.Errorf("when nobody was heard again %q lapse", gone)
			}
		})
	}
}

func TestWhateverStandsInAKeyIsWrittenOver(t *testing.T) {
	server := redistest.Start(t)
	d := redis.NewDevices(join(t, server.URL(), "a").Bus)
	told(t, d, "anna")
	life := do(t, server, "HGET", "presence:life", "name")
	for _, junk := range []string{
		"", "junk", "[]", "null", "{}", `{"life":"` + life + `"}`,
		`{"life":"` + life + `","devices":[1,null,"x",{},{"heard":"x"},{"heard":1e999},{"heard":NaN,"login":7}],"version":7,"told":[]}`,
		`{"life":"` + life + `","devices":{"a":1},"ended":[7,{}],"privacy":"x","keep":"x","version":"x","told":"x|y","frozen":{}}`,
		`{"life":"` + life + `","devices":7,"ended":{"login":1e300},"keep":-1e300}`,
		strings.Repeat("[", 5000),
	} {
		do(t, server, "SET", "presence:anna", junk)
		if there, _, err := d.Presences(t.Context(), []chat.UserID{"anna"}); err != nil || len(there) != 0 {
			t.Errorf("with %.80q there are %+v (%v)", junk, there, err)
		}
		if changed := told(t, d, "anna"); changed != 1 {
			t.Errorf("after %.80q %d are told", junk, changed)
		}
		expectThere(t, d, false, "anna")
	}
	for _, key := range []string{"presence:anna", "presence:deadlines", "presence:lapsed", "presence:life"} {
		for _, junk := range [][]string{{"SET", key, "x"}, {"RPUSH", key, "x"}, {"HSET", key, "x", "y"}, {"ZADD", key, "1", "x"}} {
			do(t, server, "DEL", key)
			do(t, server, junk...)
			told(t, d, "anna")
			expectThere(t, d, false, "anna")
			_ = lapses(t, d)
			if _, err := d.End(t.Context(), "anna", "other"); err != nil {
				t.Errorf("with %q: %v", junk, err)
			}
		}
	}
}

func TestWhatANewerVersionKnowsIsReadAsFarAsItIsUnderstood(t *testing.T) {
	server := redistest.Start(t)
	d := redis.NewDevices(join(t, server.URL(), "a").Bus)
	told(t, d, "anna")
	stored := do(t, server, "GET", "presence:anna")
	stored = strings.NewReplacer("online|desktop|", "busy|watch|", `"type":"desktop"`, `"type":"watch","mood":{"of":[1]}`, `"life"`, `"more":[{}],"life"`).Replace(stored)
	do(t, server, "SET", "presence:anna", stored)
	there, _, err := d.Presences(t.Context(), []chat.UserID{"anna"})
	if p := there["anna"]; err != nil || p.Status != chat.StatusOnline || p.Device != "" || p.Privacy != signOf("anna").Privacy {
		t.Errorf("there are %+v (%v)", there, err)
	}
	b := signOf("anna")
	b.DeviceID, b.Active = "2", time.Minute
	if changed, _, err := d.Beat(t.Context(), []chat.Beat{b}); err != nil || len(changed) != 1 || changed[0].Device != "" {
		t.Errorf("told is %+v (%v)", changed, err)
	}
}

func TestOfWhatIsEvictedNobodyIsToldToBeGone(t *testing.T) {
	server := redistest.Start(t)
	d := sure(t, redis.NewDevices(join(t, server.URL(), "a").Bus), server)
	lost, _ := keep(t, d)
	told(t, d, "anna", "ben")
	do(t, server, "DEL", "presence:anna")
	expectThere(t, d, true, "ben")
	if changed := told(t, d, "anna", "ben"); changed != 1 {
		t.Errorf("of one who was evicted %d are told", changed)
	}
	do(t, server, "DEL", "presence:deadlines")
	told(t, d, "anna", "ben")
	pass(t, 31*time.Second, server)
	if gone := lapses(t, d); len(gone) != 2 {
		t.Errorf("%q lapse", gone)
	}
	do(t, server, "DEL", "presence:lapsed")
	pass(t, chat.LapseLease, server)
	if gone := lapses(t, d); len(gone) != 2 {
		t.Errorf("of a claim that was evicted %q lapse", gone)
	}
	told(t, d, "anna")
	do(t, server, "DEL", "presence:life")
	expectThere(t, d, false)
	<-lost
	if changed := told(t, d, "anna"); changed != 1 {
		t.Errorf("when all may be lost %d are told", changed)
	}
}

func TestAFullRedisLetsPeopleGoAndTakesNobodyIn(t *testing.T) {
	server := redistest.Start(t)
	d := sure(t, redis.NewDevices(join(t, server.URL(), "a").Bus), server)
	told(t, d, "anna", "ben", "cem")
	do(t, server, "CONFIG", "SET", "maxmemory", "1")
	if changed, _, err := d.Beat(t.Context(), []chat.Beat{signOf("dora")}); !errors.Is(err, redis.ErrAway) || len(changed) != 0 {
		t.Errorf("a full Redis takes somebody in: %+v (%v)", changed, err)
	}
	expectThere(t, d, true, "anna", "ben", "cem")
	if gone, err := d.End(t.Context(), "anna", "login"); err != nil || len(gone) != 1 || gone[0].Status != chat.StatusOffline {
		t.Errorf("who signs out is told as %+v (%v)", gone, err)
	}
	hidden := chat.Privacy{Rev: 2, Enabled: true, Sharing: chat.ShareNobody}
	if gone, err := d.SetPrivacy(t.Context(), "ben", hidden, time.Time{}); err != nil || len(gone) != 1 || gone[0].Status != chat.StatusOffline {
		t.Errorf("who hides is told as %+v (%v)", gone, err)
	}
	do(t, server, "CONFIG", "SET", "maxmemory", "0")
	pass(t, 31*time.Second, server)
	do(t, server, "CONFIG", "SET", "maxmemory", "1")
	offline, err := d.Lapse(t.Context(), 10)
	if err == nil {
		err = d.Settle(t.Context(), offline)
	}
	if err != nil || len(offline) != 3 || do(t, server, "ZCARD", "presence:deadlines") != "0" {
		t.Errorf("%+v lapse, and %s are left (%v)", offline, do(t, server, "ZCARD", "presence:deadlines"), err)
	}
	do(t, server, "CONFIG", "SET", "maxmemory", "0")
	if changed := told(t, d, "dora"); changed != 1 {
		t.Errorf("when there is room again %d are told", changed)
	}
}

func TestAClockThatIsSetBackKeepsNobodyForEver(t *testing.T) {
	server := redistest.Start(t)
	d := sure(t, redis.NewDevices(join(t, server.URL(), "a").Bus), server)
	told(t, d, "anna", "ben")
	pass(t, -time.Hour, server)
	expectThere(t, d, false, "anna", "ben") // since when all is known is not known any more
	pass(t, chat.DeviceLease, server)
	if gone := lapses(t, d); len(gone) != 0 {
		t.Errorf("%q lapse", gone)
	}
	if changed := told(t, d, "anna"); changed != 0 {
		t.Errorf("%d are told", changed)
	}
	pass(t, 25*time.Second, server)
	told(t, d, "anna")
	pass(t, 6*time.Second, server)
	if gone := lapses(t, d); !slices.Equal(gone, []chat.UserID{"ben"}) {
		t.Errorf("%q lapse, want ben", gone)
	}
	expectThere(t, d, true, "anna")
}

func TestWhenNoNodeReachedRedisNobodyIsToldToBeGoneWhoHadNoTimeToBeHeard(t *testing.T) {
	server := redistest.Start(t)
	d := sure(t, redis.NewDevices(join(t, server.URL(), "a").Bus), server)
	told(t, d, "anna", "ben")
	pass(t, 31*time.Second, server)
	do(t, server, "HINCRBY", "presence:life", "called", "-31000")
	expectThere(t, d, false)
	if gone := lapses(t, d); len(gone) != 0 {
		t.Errorf("at first %q lapse", gone)
	}
	told(t, d, "anna")
	pass(t, 29*time.Second, server)
	if gone := lapses(t, d); len(gone) != 0 {
		t.Errorf("in the lease after it %q lapse", gone)
	}
	told(t, d, "anna")
	pass(t, 2*time.Second, server)
	expectThere(t, d, true, "anna")
	if gone := lapses(t, d); !slices.Equal(gone, []chat.UserID{"ben"}) {
		t.Errorf("then %q lapse, want ben", gone)
	}
}

func TestVersionsOfPresenceGrowThoughTheClockOfANewRedisIsBehind(t *testing.T) {
	server := redistest.Start(t)
	d := redis.NewDevices(join(t, server.URL(), "a").Bus)
	told(t, d, "anna")
	do(t, server, "HINCRBY", "presence:life", "newest", "3600000000")
	ahead, _, err := d.Beat(t.Context(), []chat.Beat{signOf("ben")})
	if err != nil || len(ahead) != 1 {
		t.Fatal(ahead, err)
	}
	do(t, server, "FLUSHALL")
	changed, _, err := d.Beat(t.Context(), []chat.Beat{signOf("ben")})
	if err != nil || len(changed) != 1 || changed[0].Version <= ahead[0].Version {
		t.Errorf("told is %+v after version %d (%v)", changed, ahead[0].Version, err)
	}
}

func TestARedisThatIsEmptiedAllTheTimeMakesNoErrorAndIsRightInTheEnd(t *testing.T) {
	for name, start := range map[string]func() (string, []*redistest.Server){
		"one server": func() (string, []*redistest.Server) {
			s := redistest.Start(t)
			return s.URL(), []*redistest.Server{s}
		},
		"a cluster": func() (string, []*redistest.Server) {
			c := redistest.StartCluster(t)
			return c.URL(), c.Nodes
		},
	} {
		t.Run(name, func(t *testing.T) {
			url, servers := start()
			nodes := []*redis.Devices{redis.NewDevices(join(t, url, "a").Bus), redis.NewDevices(join(t, url, "b").Bus)}
			var mu sync.Mutex
			newest := make(map[chat.UserID]int64)
			var all sync.WaitGroup
			for n, d := range nodes {
				all.Go(func() {
					for i := range 100 {
						u := chat.UserID(fmt.Sprint("person ", i%10))
						b := signOf(u)
						b.Login, b.Away = chat.LoginID(fmt.Sprint("login ", n, i)), i%2 == 0
						changed, _, err := d.Beat(context.Background(), []chat.Beat{b})
						offline, err2 := d.Lapse(context.Background(), 10)
						_, _, err3 := d.Presences(context.Background(), []chat.UserID{u})
						ended, err4 := d.End(context.Background(), u, b.Login)
						if err := errors.Join(err, err2, err3, err4, d.Settle(context.Background(), offline)); err != nil {
							t.Error(err)
						}
						mu.Lock()
						for _, p := range slices.Concat(changed, ended) {
							newest[p.User] = max(newest[p.User], p.Version)
						}
						mu.Unlock()
					}
				})
			}
			all.Go(func() {
				for range 20 {
					empty(t, servers...)
				}
			})
			all.Wait()
			empty(t, servers...)
			for i := range 10 {
				u := chat.UserID(fmt.Sprint("person ", i))
				changed, _, err := nodes[i%2].Beat(t.Context(), []chat.Beat{signOf(u)})
				if err != nil || len(changed) != 1 || changed[0].Version <= newest[u] {
					t.Errorf("in the end told is %+v after version %d (%v)", changed, newest[u], err)
				}
			}
		})
	}
}

func TestKeysThatExpireHaveTheSweepComeAtOnce(t *testing.T) {
	server := redistest.Start(t, "--notify-keyspace-events", "Ex")
	n := run(t, server.URL(), "a")
	d := redis.NewDevices(n.Bus)
	_, lapsed := keep(t, d)
	n.await(true)
	eventually(t, "somebody listening", func() bool { return do(t, server, "PUBSUB", "NUMPAT") == "1" })
	sure(t, d, server)
	do(t, server, "SET", "other", "x", "PX", "1")
	b := signOf("anna")
	b.Heard = chat.DeviceLease - 100*time.Millisecond
	if _, _, err := d.Beat(t.Context(), []chat.Beat{b}); err != nil {
		t.Fatal(err)
	}
	<-lapsed
	if gone := lapses(t, d); !slices.Equal(gone, []chat.UserID{"anna"}) {
		t.Errorf("%q lapse", gone)
	}
	server.Kill()
	n.await(false)
	restart(t, server)
	eventually(t, "somebody listening again", func() bool { return do(t, server, "PUBSUB", "NUMPAT") == "1" })
}

func TestARedisThatDoesNotTellOfExpiryIsLeftAsItIs(t *testing.T) {
	server := redistest.Start(t)
	n := run(t, server.URL(), "a")
	d := redis.NewDevices(n.Bus)
	lost, _ := keep(t, d)
	n.await(true)
	<-lost
	eventually(t, "the question whether it does", func() bool {
		return strings.Contains(do(t, server, "INFO", "commandstats"), "cmdstat_config|get:calls=1")
	})
	if set := do(t, server, "CONFIG", "GET", "notify-keyspace-events"); strings.TrimSpace(set) != "notify-keyspace-events" {
		t.Errorf("it was set up to: %q", set)
	}
	if n := do(t, server, "PUBSUB", "NUMPAT"); n != "0" {
		t.Errorf("%s listen", n)
	}
}
