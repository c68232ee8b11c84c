package redis

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"
)

var (
	// ErrAway is a Redis that cannot be used now and may be later: a node starts without it.
	ErrAway = errors.New("Redis is away")
	// ErrInPart is an ErrAway that carries envelopes, but counts no limits: those are the node's own.
	ErrInPart error = inPart{}
)

type inPart struct{}

func (inPart) Error() string        { return "Redis serves in part" }
func (inPart) Is(target error) bool { return target == ErrAway }

const (
	// oldest is the oldest major version that will do, and the one of which a cluster must be.
	oldest, oldestCluster = 6, 7
)

// Check tries everything that is needed of Redis once, and takes a few seconds at most. The error is a
// *WrongError when only a change of the settings helps, and an ErrAway, perhaps an ErrInPart, otherwise. None
// shows a secret.
func (b *Bus) Check(ctx context.Context) error {
	if err := b.try(ctx); err != nil {
		return b.explain(ctx, err)
	}
	return nil
}

func (b *Bus) try(ctx context.Context) error {
	s := newSockets()
	defer s.close()
	defer context.AfterFunc(ctx, s.close)()
	o := b.options
	s.attach(&o)
	client, err := rueidis.NewClient(o)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := checkVersion(ctx, client); err != nil {
		return err
	}
	b.askMemory(ctx, client)
	c := &connection{bus: b, client: client}
	channel := "chat:check:" + b.cfg.NodeID
	if err := errors.Join(c.do(ctx, []rueidis.Completed{c.publishCommand(letter{channel, []byte("{}")})})...); err != nil {
		return err
	}
	if err := c.checkSubscribe(ctx, channel); err != nil {
		return err
	}
	if err := rueidis.NewLuaScript(limitScript).Exec(ctx, client, []string{"limit:check:" + b.cfg.NodeID}, []string{"1000", "1000"}).Error(); err != nil {
		return err
	}
	return errors.Join(b.checkReceipts(ctx, client), b.checkPresence(ctx, client))
}

// checkPresence has somebody come, sign out and go, with keys of its own.
func (b *Bus) checkPresence(ctx context.Context, client rueidis.Client) error {
	tag, script := "presence:{check:"+b.cfg.NodeID+"}:", presenceScript()
	keys := []string{tag + "life", tag + "deadlines", tag + "lapsed", tag}
	err := errors.Join(
		script.Exec(ctx, client, keys, []string{"beat", "0", "0", "user", "login", "", "", "0", "0", "0", "0", "0|1|everyone|0"}).Error(),
		client.Do(ctx, client.B().Mget().Key(tag+"user").Build()).Error(),
		script.Exec(ctx, client, keys, []string{"sign_out", "0", "user", "login"}).Error(),
		script.Exec(ctx, client, keys, []string{"lapse", "0", "1"}).Error(),
	)
	if err != nil {
		return err
	}
	return client.Do(ctx, client.B().Del().Key(append(keys[:3], tag+"user")...).Build()).Error()
}

// checkReceipts queues a step, moves a position, counts and forgets all of it, with keys of its own.
func (b *Bus) checkReceipts(ctx context.Context, client rueidis.Client) error {
	tag := "{read_receipts:check:" + b.cfg.NodeID + "}"
	queue := []string{tag, tag + ":leases", tag + ":life", tag + ":claim:", tag + ":user:"}
	positions := []string{"read_state:" + tag, "read_positions:" + tag, "read_tracked:" + tag, "read_count:" + tag + ":"}
	asked, work := positionsScript(), queueScript()
	epoch, err := asked.Exec(ctx, client, positions, []string{"epoch"}).AsStrSlice()
	err = errors.Join(
		err,
		work.Exec(ctx, client, queue, []string{"push", "1000", `{"userId":"check"}`}).Error(),
		work.Exec(ctx, client, queue, []string{"claim", "check", "1000", "0"}).Error(),
		work.Exec(ctx, client, queue, []string{"claim", "check", "1000", "1000000"}).Error(),
		work.Exec(ctx, client, queue, []string{"waiting"}).Error(),
		work.Exec(ctx, client, queue, []string{"settle", "check"}).Error(),
		asked.Exec(ctx, client, positions, []string{"advance", "move", "1000", "check", "1", ""}).Error(),
		asked.Exec(ctx, client, positions, slices.Concat([]string{"seed"}, epoch, []string{"0", "1000000", "1", "check"})).Error(),
		asked.Exec(ctx, client, positions, []string{"counts", "1000000", "message", "1", ""}).Error(),
		asked.Exec(ctx, client, positions, []string{"unseed", "check"}).Error(),
	)
	if err != nil {
		return err
	}
	return client.Do(ctx, client.B().Del().Key(append(queue[:3], positions[:3]...)...).Build()).Error()
}

func (c *connection) checkSubscribe(ctx context.Context, channel string) error {
	conn, _ := c.client.Dedicate()
	defer conn.Close()
	l := &link{c: c, conn: conn, probe: channel}
	return l.subscribe(ctx, []string{channel})
}

// versionError is a Redis that is too old.
type versionError struct {
	version string
	needed  int
}

func (e versionError) Error() string { return "version " + e.version }

// checkVersion believes what cannot be read: other servers that speak the protocol have versions of their own.
func checkVersion(ctx context.Context, client rueidis.Client) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	hello, err := client.Do(ctx, client.B().Hello().Build()).AsMap()
	if err != nil {
		if _, ok := errors.AsType[*rueidis.RedisError](err); ok {
			return versionError{"without HELLO", oldest}
		}
		return err
	}
	value := hello["version"]
	version, _ := value.ToString()
	needed := oldest
	if client.Mode() == rueidis.ClientModeCluster {
		needed = oldestCluster
	}
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err == nil && n < needed {
		return versionError{version, needed}
	}
	return nil
}
