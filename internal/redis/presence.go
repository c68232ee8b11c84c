package redis

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
	"golang.org/x/sync/errgroup"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	// presenceTimeout is the most that a slow Redis delays one call.
	presenceTimeout = time.Second
	// presenceSilence is how long Redis may not have been called, by a sweep each second of each node, before it holds that
	// nobody could beat: less than what is left of every lease of a device that does.
	presenceSilence = 10 * time.Second
	// maxBeats is how many beats one call takes, so that envelopes never wait long behind it.
	maxBeats = 50
	// beatRounds is in how many rounds the calls of one batch are made: as many of presenceTimeout as the batch may take (the
	// rules give it three seconds). With a batch of 500, four calls wait at Redis together, which are 4 ms of its time.
	beatRounds = 3
	// maxAsked is how many people one call asks for.
	maxAsked = 500
	// maxInDoubt bounds the people of whom everything is told again because an answer was lost.
	maxInDoubt = 100_000
	// presenceParts is over how many slots of a cluster people are spread. A part has its own deadlines and its own life.
	presenceParts = 64
)

//go:embed presence.lua
var presenceSource string

// presenceScript is the script with the numbers of chat.Devices.
func presenceScript() *rueidis.Lua {
	return rueidis.NewLuaScript(fmt.Sprintf("local lease, same_activity, holds, lapse_lease, silence, most_devices = %d, %d, %d, %d, %d, %d\n",
		chat.DeviceLease.Milliseconds(), chat.SameActivity.Milliseconds(), chat.BeatHolds.Milliseconds(),
		chat.LapseLease.Milliseconds(), presenceSilence.Milliseconds(), chat.MaxDevices) + presenceSource)
}

// Devices know, for all nodes together, which devices of everybody are connected (ADR-021). It satisfies chat.Devices. Each
// call takes a second at most, and its error shows no text of people.
//
// What Redis knew may be lost. A life is what it knows since it was last emptied, started or promoted: what another life left
// counts as absent, and whatever call comes first notices the new one. [Devices.Run] then has everybody beat again. When no
// node could reach Redis for a while, leases ended there of devices that live; so nobody lapses for one lease after that.
type Devices struct {
	caller
	script   *rueidis.Lua
	newest   atomic.Int64 // the largest version that was seen here
	sweeps   atomic.Uint64
	onLost   func()
	onLapsed func()
	lost     chan struct{} // what was told here may be lost
	expired  chan struct{} // a key of presence has expired
	back     chan struct{} // the bus has come up

	mu      sync.Mutex
	lives   map[string]string        // the last one seen of each part
	inDoubt map[chat.UserID]struct{} // whose beat was not answered: what changed by it was told to nobody
}

// NewDevices keeps devices over the bus's connection. While there is none, every call answers [ErrAway].
func NewDevices(b *Bus) *Devices {
	d := &Devices{
		caller: newCaller(b, "redis_presence", "presence", presenceTimeout), script: presenceScript(),
		onLost: func() {}, onLapsed: func() {}, lost: make(chan struct{}, 1), expired: make(chan struct{}, 1),
		back:  make(chan struct{}, 1),
		lives: make(map[string]string), inDoubt: make(map[chat.UserID]struct{}),
	}
	b.OnChange(func(up bool) {
		if up {
			rouse(d.lost)
			rouse(d.back)
		}
	})
	return d
}

// OnLost has f called by Run whenever what this node told may be lost: Redis is there again after it was away, or knows
// nothing of before. Every device is then to beat at once. It must be set before Run is called.
func (d *Devices) OnLost(f func()) { d.onLost = f }

// OnLapsed has f called by Run when somebody's last lease may have ended, sooner than a sweep each second finds it. It is
// an accelerator: most ends are told late, and some never. It must be set before Run is called.
func (d *Devices) OnLapsed(f func()) { d.onLapsed = f }

// Beat takes signs of life, some dozens in one script. A third of the scripts run at a time: each has its own second, so that
// all are done within three. When ctx is over no more begin. With an error, some may have been taken, and what changed by them
// is returned; what changed by those that were not answered is returned by the next beat of their people.
func (d *Devices) Beat(ctx context.Context, beats []chat.Beat) (changed []chat.Presence, newer map[chat.UserID]chat.Privacy, err error) {
	calls := d.callsOf(beats)
	told, errs := make([]presenceAnswer, len(calls)), make([]error, len(calls))
	var group errgroup.Group
	group.SetLimit(max(1, (len(calls)+beatRounds-1)/beatRounds))
	for i, c := range calls {
		group.Go(func() error {
			if errs[i] = ctx.Err(); errs[i] == nil {
				told[i], errs[i] = d.beat(ctx, c.part, c.beats)
			}
			if errs[i] != nil {
				d.doubt(c.beats)
			}
			return nil
		})
	}
	_ = group.Wait()
	newer = make(map[chat.UserID]chat.Privacy)
	for _, t := range told {
		changed = append(changed, t.presences...)
		maps.Copy(newer, t.newer)
	}
	return changed, newer, cmp.Or(errs...)
}

// beatCall is the beats that one script takes.
type beatCall struct {
	part  string
	beats []chat.Beat
}

func (d *Devices) callsOf(beats []chat.Beat) (calls []beatCall) {
	for part, group := range d.byPart(beats) {
		for len(group) > 0 {
			n := together(group)
			calls = append(calls, beatCall{part, group[:n]})
			group = group[n:]
		}
	}
	return calls
}

// together is how many of the beats one call takes: all of a person, since they are one change.
func together(beats []chat.Beat) int {
	n := min(maxBeats, len(beats))
	for n < len(beats) && beats[n].User == beats[n-1].User {
		n++
	}
	return n
}

func (d *Devices) beat(ctx context.Context, part string, beats []chat.Beat) (presenceAnswer, error) {
	again := d.doubted(beats)
	args := append(make([]string, 0, 1+len(again)+9*len(beats)), strconv.Itoa(len(again)))
	args = append(args, again...)
	for _, b := range beats {
		away := "0"
		if b.Away {
			away = "1"
		}
		args = append(args, string(b.User), string(b.Login), b.DeviceID, string(b.Type), away,
			age(b.Heard), age(b.Active), age(b.Connected), encodePrivacy(b.Privacy))
	}
	told, err := d.do(ctx, part, "beat", args)
	if err == nil {
		d.answered(again)
	}
	return told, err
}

// age is in milliseconds; what is a year ago is not told apart from what was before.
func age(since time.Duration) string {
	const year = 365 * 24 * time.Hour
	return strconv.FormatInt(min(max(since, 0), year).Milliseconds(), 10)
}

// End ends all devices of a login.
func (d *Devices) End(ctx context.Context, u chat.UserID, l chat.LoginID) (changed []chat.Presence, err error) {
	told, err := d.of(ctx, u, "sign_out", string(u), string(l))
	return told.presences, err
}

// SetPrivacy has a person shown by it.
func (d *Devices) SetPrivacy(ctx context.Context, u chat.UserID, p chat.Privacy, seenAt time.Time) (told []chat.Presence, err error) {
	answer, err := d.of(ctx, u, "privacy", string(u), encodePrivacy(p), encodeSeen(seenAt))
	return answer.presences, err
}

// Presences reads the keys, and then since when what stands there is known: whoever is missing may have been lost
// meanwhile.
func (d *Devices) Presences(ctx context.Context, users []chat.UserID) (there map[chat.UserID]chat.Presence, sure bool, err error) {
	there, sure = make(map[chat.UserID]chat.Presence), true
	parts := make(map[string][]chat.UserID)
	for _, u := range users {
		part := d.partOf(u)
		parts[part] = append(parts[part], u)
	}
	for part, group := range parts {
		for chunk := range slices.Chunk(group, maxAsked) {
			texts, err := d.read(ctx, part, chunk)
			if err != nil {
				return nil, false, err
			}
			told, err := d.do(ctx, part, "ask", nil)
			if err != nil {
				return nil, false, err
			}
			sure = sure && told.sure
			for i, text := range texts {
				if p, is := decodePerson(chunk[i], text, told); is {
					there[p.User] = p
				}
			}
		}
	}
	return there, sure, nil
}

// read answers what stands in the key of each.
func (d *Devices) read(ctx context.Context, part string, users []chat.UserID) ([]string, error) {
	call, done, err := d.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	keys := make([]string, len(users))
	for i, u := range users {
		keys[i] = part + string(u)
	}
	answer, err := call.client.Do(call.ctx, call.client.B().Mget().Key(keys...).Build()).ToArray()
	if err := call.judge(err); err != nil {
		return nil, err
	}
	if len(answer) != len(users) {
		return nil, errOtherAnswer
	}
	texts := make([]string, len(users))
	for i, a := range answer {
		texts[i], _ = a.ToString() // what is absent, or of another kind, is ""
	}
	return texts, nil
}

// of does something with one person.
func (d *Devices) of(ctx context.Context, u chat.UserID, what string, args ...string) (presenceAnswer, error) {
	return d.do(ctx, d.partOf(u), what, args)
}

// do runs the script on a part of the people, and notes what its answer says of all of them.
func (d *Devices) do(ctx context.Context, part, what string, args []string) (presenceAnswer, error) {
	call, done, err := d.begin(ctx)
	if err != nil {
		return presenceAnswer{}, err
	}
	defer done()
	keys := []string{part + "life", part + "deadlines", part + "lapsed", part}
	answer, err := call.run(d.script, keys, append([]string{what, strconv.FormatInt(d.newest.Load(), 10)}, args...))
	if err != nil {
		return presenceAnswer{}, err
	}
	told, err := decodePresence(answer)
	if err == nil {
		d.note(part, told)
	}
	return told, err
}

// note keeps the newest version, and notices that Redis knows nothing of before.
func (d *Devices) note(part string, told presenceAnswer) {
	for {
		if newest := d.newest.Load(); told.newest <= newest || d.newest.CompareAndSwap(newest, told.newest) {
			break
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	before, known := d.lives[part]
	d.lives[part] = told.life
	if known && before != told.life {
		rouse(d.lost)
	}
}

// partOf is what the keys begin with of those who are together with a person: presence:{user_id} as the plan has it, and in
// a cluster the braces stand around the number of a part.
func (d *Devices) partOf(u chat.UserID) string {
	if client := d.bus.current(); client == nil || client.Mode() != rueidis.ClientModeCluster {
		return "presence:"
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(u))
	return partName(int(h.Sum32() % presenceParts))
}

func partName(number int) string { return "presence:{" + strconv.Itoa(number) + "}:" }

// parts are all parts.
func (d *Devices) parts() []string {
	if client := d.bus.current(); client == nil || client.Mode() != rueidis.ClientModeCluster {
		return []string{"presence:"}
	}
	all := make([]string, presenceParts)
	for i := range all {
		all[i] = partName(i)
	}
	return all
}

// byPart groups beats, those of one person together in their order.
func (d *Devices) byPart(beats []chat.Beat) map[string][]chat.Beat {
	var order []chat.UserID
	of := make(map[chat.UserID][]chat.Beat, len(beats))
	for _, b := range beats {
		if of[b.User] == nil {
			order = append(order, b.User)
		}
		of[b.User] = append(of[b.User], b)
	}
	parts := make(map[string][]chat.Beat)
	for _, u := range order {
		part := d.partOf(u)
		parts[part] = append(parts[part], of[u]...)
	}
	return parts
}

// doubt remembers whose beat was not answered.
func (d *Devices) doubt(beats []chat.Beat) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, b := range beats {
		if len(d.inDoubt) < maxInDoubt {
			d.inDoubt[b.User] = struct{}{}
		}
	}
}

func (d *Devices) doubted(beats []chat.Beat) (again []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, b := range beats {
		if _, is := d.inDoubt[b.User]; is && (i == 0 || beats[i-1].User != b.User) {
			again = append(again, string(b.User))
		}
	}
	return again
}

func (d *Devices) answered(users []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, u := range users {
		delete(d.inDoubt, chat.UserID(u))
	}
}
