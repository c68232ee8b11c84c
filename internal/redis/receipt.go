package redis

import (
	"context"
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	// receiptTimeout is the most that a slow Redis delays who reads.
	receiptTimeout = time.Second
	// lookEvery is how often a node that remembers steps looks whether Redis still has them.
	lookEvery = time.Second
	// maxWaiting bounds the steps that wait to be written, about 700 bytes each.
	maxWaiting = 200_000
)

var (
	//go:embed receiptqueue.lua
	queueSource string
	//go:embed receiptwork.lua
	queueWork string
	//go:embed receipt.lua
	positionsSource string
)

// Readers know, for all nodes together, how far everybody has read in large conversations. It satisfies
// chat.Readers. Each call takes a second at most, and its error shows no text of people.
//
// What was queued through it is remembered here until it is seen to be written, and queued again when Redis was emptied,
// restarted or replaced meanwhile (ADR-020). That shows with the next call that concerns the queue; [Readers.Run] makes one in
// time.
type Readers struct {
	caller
	positions, queue *rueidis.Lua
	log              *stepLog
	most             int
	newest           atomic.Int64 // the largest version that was seen here, of any conversation
	onRestored       func(chat.ConversationID)
	onBack, onAway   func()
	back             chan struct{} // the bus has come up
	mending          chan struct{}
}

func positionsScript() *rueidis.Lua { return rueidis.NewLuaScript(queueSource + positionsSource) }
func queueScript() *rueidis.Lua     { return rueidis.NewLuaScript(queueSource + queueWork) }

// NewReaders keeps positions over the bus's connection. While there is none, every call answers [ErrAway].
func NewReaders(b *Bus) *Readers {
	r := &Readers{
		caller:     newCaller(b, "redis_receipts", "read positions", receiptTimeout),
		positions:  positionsScript(),
		queue:      queueScript(),
		log:        newStepLog(),
		most:       maxWaiting,
		onRestored: func(chat.ConversationID) {},
		onBack:     func() {},
		onAway:     func() {},
		back:       make(chan struct{}, 1),
		mending:    make(chan struct{}, 1),
	}
	b.OnChange(func(up bool) {
		if !up {
			r.onAway()
			return
		}
		select {
		case r.back <- struct{}{}:
		default:
		}
	})
	return r
}

// OnRestored has f called for each conversation in which steps were queued again after Redis was emptied: its counts
// may have changed. It must be set before the first call of a method; f must not wait, nor call a method.
func (r *Readers) OnRestored(f func(chat.ConversationID)) { r.onRestored = f }

// OnBack has f called by Run whenever Redis answers again after it was away, when the steps of this node are queued again
// that were lost. It must be set before Run is called.
func (r *Readers) OnBack(f func()) { r.onBack = f }

// OnAway has f called whenever the bus goes down: what this node remembers had better be written now. It must be set
// before the bus runs; f must not wait.
func (r *Readers) OnAway(f func()) { r.onAway = f }

// Run puts back what Redis lost, until ctx ends: as soon as it is there again, and where it was emptied under way, within
// a second.
func (r *Readers) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.back:
			r.log.doubt()
			if r.restore(ctx) {
				r.onBack()
			}
		case <-tick.C:
			if r.log.any() {
				// Without an answer the next one tells.
				_, _ = r.Waiting(ctx)
			}
		}
	}
}

// restore asks until there is an answer, and reports false when Redis goes away before.
func (r *Readers) restore(ctx context.Context) bool {
	for r.bus.Up() {
		if _, err := r.Waiting(ctx); err == nil {
			return true
		}
		select {
		case <-time.After(callRest):
		case <-ctx.Done():
			return false
		}
	}
	return false
}

// Advance queues steps and moves positions: one script, and in a cluster three commands, since the queue and the
// positions live on different servers there. Then what is queued may be queued again by a second try.
func (r *Readers) Advance(ctx context.Context, c chat.ConversationID, steps []chat.Step, how chat.Moved) error {
	if len(steps) == 0 {
		return nil
	}
	call, done, err := r.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	if how == chat.BySending {
		moved, err := call.advance(c, "move", steps)
		if err != nil {
			return err
		}
		return moved.unseeded()
	}
	moved, err := call.read(c, "read", steps)
	if err != nil {
		return err
	}
	r.log.add(moved.news, moved.life)
	// These steps are safe now. If others cannot be queued again, the next call tries.
	_ = call.mend(moved.life)
	return moved.unseeded()
}

// Counts reads the counts from one moment, and has those of the newest 100 messages asked for kept in
// read_count:{conversation_id}:{message_id}.
func (r *Readers) Counts(ctx context.Context, c chat.ConversationID, of []chat.Counted) (map[chat.MessageID]int64, int64, error) {
	args := []string{"counts", strconv.FormatInt(chat.SeedRenewal.Microseconds(), 10)}
	for _, m := range of {
		args = append(args, string(m.Message), strconv.FormatInt(m.Seq, 10), string(m.Sender))
	}
	answer, err := r.ofConversation(ctx, c, args)
	if err != nil {
		return nil, 0, err
	}
	if len(answer) == 0 {
		return nil, 0, chat.ErrUnseeded
	}
	if old, _ := answer[0].ToString(); old == "old" {
		return nil, 0, chat.ErrSeedOld
	}
	numbers, err := wholes(answer, 1+len(of))
	if err != nil {
		return nil, 0, err
	}
	counts := make(map[chat.MessageID]int64, len(of))
	for i, m := range of {
		counts[m.Message] = numbers[1+i]
	}
	for version := numbers[0]; ; {
		if newest := r.newest.Load(); version <= newest || r.newest.CompareAndSwap(newest, version) {
			return counts, version, nil
		}
	}
}

// Seed says who is counted, unless Unseed was called or Redis emptied, restarted or replaced since the epoch. The version
// is one after all that this node has seen: the clock of a replica that was promoted may be behind.
func (r *Readers) Seed(ctx context.Context, c chat.ConversationID, positions map[chat.UserID]int64, epoch int64) error {
	args := []string{
		"seed", strconv.FormatInt(epoch, 10), strconv.FormatInt(r.newest.Load()+1, 10),
		strconv.FormatInt(chat.SeedLasts(len(positions)).Microseconds(), 10),
	}
	for _, u := range slices.Sorted(maps.Keys(positions)) {
		args = append(args, strconv.FormatInt(positions[u], 10), string(u))
	}
	_, err := r.ofConversation(ctx, c, args)
	return err
}

// Epoch numbers what Seed may rest on, by the clock of Redis, so that no number comes again after a loss.
func (r *Readers) Epoch(ctx context.Context, c chat.ConversationID) (int64, error) {
	answer, err := r.ofConversation(ctx, c, []string{"epoch"})
	if err != nil {
		return 0, err
	}
	numbers, err := wholes(answer, 1)
	if err != nil {
		return 0, err
	}
	return numbers[0], nil
}

// Unseed has the conversation seeded anew and forgets the positions of those who are gone.
func (r *Readers) Unseed(ctx context.Context, c chat.ConversationID, gone ...chat.UserID) error {
	args := []string{"unseed"}
	for _, u := range gone {
		args = append(args, string(u))
	}
	_, err := r.ofConversation(ctx, c, args)
	return err
}

// ofConversation runs the script of one conversation.
func (r *Readers) ofConversation(ctx context.Context, c chat.ConversationID, args []string) ([]rueidis.RedisMessage, error) {
	call, done, err := r.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	return call.run(r.positions, call.keysOf(c), args)
}

// receiptCall is one call of a method.
type receiptCall struct {
	*Readers
	*call
}

func (r *Readers) begin(ctx context.Context) (*receiptCall, func(), error) {
	c, done, err := r.caller.begin(ctx)
	return &receiptCall{r, c}, done, err
}

// keysOf names what belongs to a conversation, as the plan does (DOC-005). In a cluster the braces of the plan
// stand in the keys: they put one conversation into one slot.
func (c *receiptCall) keysOf(id chat.ConversationID) []string {
	tag := string(id)
	if c.cluster {
		tag = "{" + tag + "}"
	}
	return []string{"read_state:" + tag, "read_positions:" + tag, "read_tracked:" + tag, "read_count:" + tag + ":"}
}

// moved is what the script of Advance answers.
type moved struct {
	seeded bool
	life   string
	news   []chat.Step
}

func (m moved) unseeded() error {
	if m.seeded {
		return nil
	}
	return chat.ErrUnseeded
}

// read queues steps, and then moves: how is read for what is news, and again for all.
func (c *receiptCall) read(id chat.ConversationID, how string, steps []chat.Step) (moved, error) {
	if !c.cluster {
		return c.advance(id, how, steps)
	}
	if how == "read" {
		asked, err := c.advance(id, "ask", steps)
		if err != nil || len(asked.news) == 0 {
			return asked, err
		}
		steps = asked.news
	}
	life, err := c.push(steps)
	if err != nil {
		return moved{}, err
	}
	m, err := c.advance(id, "move", steps)
	m.life, m.news = life, steps
	return m, err
}

func (c *receiptCall) advance(id chat.ConversationID, how string, steps []chat.Step) (moved, error) {
	args := make([]string, 0, 3+3*len(steps))
	args = append(args, "advance", how, strconv.Itoa(c.most))
	for _, s := range steps {
		who := string(s.User)
		if s.Private {
			who = ""
		}
		args = append(args, who, strconv.FormatInt(s.Seq, 10), encodeStep(id, s))
	}
	keys := c.keysOf(id)
	if !c.cluster {
		keys = append(keys, queueKeys...)
	}
	answer, err := c.run(c.positions, keys, args)
	if err != nil {
		return moved{}, err
	}
	if len(answer) < 2 {
		return moved{}, errOtherAnswer
	}
	m := moved{}
	if seeded, err := answer[0].AsInt64(); err == nil {
		m.seeded = seeded == 1
	}
	m.life, _ = answer[1].ToString()
	for _, number := range answer[2:] {
		i, err := number.AsInt64()
		if err != nil || i < 0 || i >= int64(len(steps)) {
			return moved{}, errOtherAnswer
		}
		s := steps[i]
		s.Conversation = id
		m.news = append(m.news, s)
	}
	return m, nil
}

var errOtherAnswer = fmt.Errorf("%w: a script answered something else", ErrAway)

// wholes reads an answer of n numbers.
func wholes(answer []rueidis.RedisMessage, n int) ([]int64, error) {
	if len(answer) != n {
		return nil, errOtherAnswer
	}
	numbers := make([]int64, n)
	for i, a := range answer {
		var err error
		if numbers[i], err = a.AsInt64(); err != nil {
			return nil, errOtherAnswer
		}
	}
	return numbers, nil
}
