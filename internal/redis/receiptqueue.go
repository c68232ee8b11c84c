package redis

import (
	"context"
	"crypto/rand"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/redis/rueidis"

	"github.com/parley-chat/parley/internal/chat"
)

// queueKeys are the plan's list of what waits (DOC-005) and what belongs to it, by its tag in the same slot.
var queueKeys = []string{
	"read_receipts:pending",
	"{read_receipts:pending}:leases", "{read_receipts:pending}:life",
	"{read_receipts:pending}:claim:", "{read_receipts:pending}:user:",
}

// queuedStep is a step as it stands in the queue. The script finds userId by its name.
type queuedStep struct {
	ConversationID string    `json:"conversationId"`
	MessageID      string    `json:"messageId"`
	Seq            int64     `json:"seq"`
	UserID         string    `json:"userId"`
	ReadAt         time.Time `json:"readAt"`
	Private        bool      `json:"private,omitzero"`
	Tries          int       `json:"tries,omitzero"`
}

func encodeStep(c chat.ConversationID, s chat.Step) string {
	text, err := json.Marshal(queuedStep{string(c), string(s.Message), s.Seq, string(s.User), s.At.UTC(), s.Private, s.Tries})
	if err != nil {
		panic(err) // only a year that has not four digits is refused
	}
	return string(text)
}

// decodeSteps reads steps. What is none was put there by somebody else, and leaves the queue with the rest.
func (c *receiptCall) decodeSteps(texts []rueidis.RedisMessage) []chat.Step {
	steps := make([]chat.Step, 0, len(texts))
	for _, t := range texts {
		var q queuedStep
		text, err := t.ToString()
		if err != nil || json.Unmarshal([]byte(text), &q) != nil || q.UserID == "" || q.ConversationID == "" {
			c.bus.log.Warn("what is no step stood in the queue of read receipts", "event", "receipt.junk", "bytes", len(text))
			continue
		}
		steps = append(steps, chat.Step{
			Conversation: chat.ConversationID(q.ConversationID), User: chat.UserID(q.UserID), Message: chat.MessageID(q.MessageID),
			Seq: q.Seq, At: q.ReadAt, Private: q.Private, Tries: q.Tries,
		})
	}
	return steps
}

// Claim leases the oldest steps, by the clock of Redis. Before them come those that were queued here long ago and not seen
// to be written: another node did that, or they are lost. While Redis is away it hands out what this node remembers: it may be gone from there, and may wait there still, to be written twice.
func (r *Readers) Claim(ctx context.Context, limit int, lease time.Duration) (chat.Claim, error) {
	claim, err := r.claim(ctx, limit, lease)
	if err == nil {
		return claim, nil
	}
	if claim = r.log.claim(limit); len(claim.Steps) > 0 {
		return claim, nil
	}
	return chat.Claim{}, err
}

func (r *Readers) claim(ctx context.Context, limit int, lease time.Duration) (chat.Claim, error) {
	call, done, err := r.begin(ctx)
	if err != nil {
		return chat.Claim{}, err
	}
	defer done()
	if claim := r.log.claimOld(limit); len(claim.Steps) > 0 {
		return claim, nil
	}
	for {
		claim := chat.Claim{ID: rand.Text()}
		texts, life, err := call.work("claim", claim.ID, strconv.Itoa(limit), strconv.FormatInt(lease.Microseconds(), 10))
		if err != nil {
			return chat.Claim{}, err
		}
		claim.Steps = call.decodeSteps(texts)
		if len(claim.Steps) == 0 && len(texts) > 0 {
			if _, _, err := call.work("settle", claim.ID); err != nil {
				return chat.Claim{}, err
			}
			continue
		}
		r.log.lease(claim)
		if !r.log.strange(life) {
			return claim, nil
		}
		if err := call.mend(life); err != nil || len(claim.Steps) > 0 {
			return claim, err
		}
	}
}

// Settle ends a lease in one script: whoever dies before has settled nothing, and whoever dies after all of it.
func (r *Readers) Settle(ctx context.Context, id string, again []chat.Step) error {
	if r.log.settle(id, again) {
		return nil
	}
	args := []string{id}
	for _, s := range again {
		args = append(args, encodeStep(s.Conversation, s))
	}
	_, err := r.asked(ctx, "settle", args)
	return err
}

// Pending returns what waits of those people, queued or leased.
func (r *Readers) Pending(ctx context.Context, users []chat.UserID) ([]chat.Step, error) {
	args := make([]string, len(users))
	for i, u := range users {
		args[i] = string(u)
	}
	call, done, err := r.begin(ctx)
	if err != nil {
		return r.log.of(users), err
	}
	defer done()
	texts, err := call.mended("pending", args)
	if err != nil {
		return r.log.of(users), err
	}
	return call.decodeSteps(texts), nil
}

// Waiting says how many steps are queued or leased.
func (r *Readers) Waiting(ctx context.Context) (int, error) {
	answer, err := r.asked(ctx, "waiting", nil)
	if err != nil {
		return 0, err
	}
	numbers, err := wholes(answer, 1)
	if err != nil {
		return 0, err
	}
	return int(numbers[0]), nil
}

func (r *Readers) asked(ctx context.Context, what string, args []string) ([]rueidis.RedisMessage, error) {
	call, done, err := r.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	return call.mended(what, args)
}

// mended asks, and when Redis turns out to have been emptied, asks again after the steps of this node are back.
func (c *receiptCall) mended(what string, args []string) ([]rueidis.RedisMessage, error) {
	for {
		answer, life, err := c.work(what, args...)
		if err != nil || !c.log.strange(life) {
			return answer, err
		}
		if err := c.mend(life); err != nil {
			return nil, err
		}
	}
}

// push queues steps that may be of any conversations.
func (c *receiptCall) push(steps []chat.Step) (life string, err error) {
	args := []string{strconv.Itoa(c.most)}
	for _, s := range steps {
		args = append(args, encodeStep(s.Conversation, s))
	}
	_, life, err = c.work("push", args...)
	return life, err
}

// work runs the script of the queue.
func (c *receiptCall) work(what string, args ...string) (answer []rueidis.RedisMessage, life string, err error) {
	answer, err = c.run(c.queue, queueKeys, append([]string{what}, args...))
	if err != nil {
		return nil, "", err
	}
	if len(answer) == 0 {
		return nil, "", errOtherAnswer
	}
	if life, err = answer[0].ToString(); err != nil {
		return nil, "", errOtherAnswer
	}
	return answer[1:], life, nil
}
