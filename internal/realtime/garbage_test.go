package realtime_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/realtime"
)

// envelopeOf is what another node would publish, or somebody who is none.
func envelopeOf(t *testing.T, from, kind string, payload any) []byte {
	t.Helper()
	data, err := json.Marshal(map[string]any{"type": kind, "serverId": from, "payload": payload})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func forgedMessage(c chat.ConversationID, rev int64) chat.Change {
	return chat.Change{Conversation: c, Rev: rev, Kind: chat.MessageAdded, Message: &chat.Message{
		ID: chat.MessageID(newID()), Conversation: c, Rev: rev, Seq: rev, Content: "forged",
	}}
}

func TestGarbageOnOurChannelsIsCountedAndNeverDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := inmem.NewBus()
		w := newWorld(t, 2, bus)
		people := w.people(2)
		c, other := w.group(people...), w.group(people...)
		bob := w.nodes[1].connect(t, people[1])
		bob.subscribe(c)
		synctest.Wait()
		head := w.head(c).LastRev
		on, ofBob := realtime.ConversationTopic(c), realtime.UserTopic(people[1])
		broken := forgedMessage(c, head+1)
		broken.Message = nil
		elsewhere := forgedMessage(other, head+1)
		mixed := forgedMessage(c, head+1)
		mixed.Message.Conversation = other
		unknown := forgedMessage(c, head+1)
		unknown.Kind = 99
		state := chat.Change{Conversation: c, Rev: head + 1, Kind: chat.ConversationRevised, State: &chat.Conversation{ID: other}}
		for i, garbage := range []struct {
			topic string
			data  []byte
		}{
			{on, nil},
			{on, []byte("hello")},
			{on, []byte("{")},
			{on, []byte("[]")},
			{on, []byte("null")},
			{on, []byte(`{"type": 7, "serverId": "x"}`)},
			{on, []byte(`{"type": "changes"}`)},
			{on, []byte(`{"type": "changes", "serverId": "x", "payload": {"a": 1}}`)},
			{on, []byte(`{"type": "changes", "serverId": "x", "payload": [null]}`)},
			{on, []byte(`{"type": "changes", "serverId": "x", "payload": [[]]}`)},
			{on, []byte(`{"type": "changes", "type": "changes", "serverId": "x"}`)},
			{on, []byte("{\"type\": \"changes\", \"serverId\": \"\xff\"}")},
			{on, bytes.Repeat([]byte("["), 5<<20)},
			{on, bytes.Repeat([]byte(" "), 5<<20)},
			{on, []byte(strings.Repeat(`{"a":`, 100_000))},
			{on, envelopeOf(t, "x", "changes", []chat.Change{})},
			{on, envelopeOf(t, "x", "changes", []chat.Change{broken})},
			{on, envelopeOf(t, "x", "changes", []chat.Change{elsewhere})},
			{on, envelopeOf(t, "x", "changes", []chat.Change{mixed})},
			{on, envelopeOf(t, "x", "changes", []chat.Change{unknown})},
			{on, envelopeOf(t, "x", "changes", []chat.Change{state})},
			{on, envelopeOf(t, "x", "changes", []chat.Change{forgedMessage(c, head+2), forgedMessage(c, head+1)})},
			{on, envelopeOf(t, "x", "changes", []chat.Change{forgedMessage(c, 0)})},
			{on, envelopeOf(t, "x", "message:delivered", map[string]any{"Conversation": other, "User": people[0], "UpToSeq": 7})},
			{on, envelopeOf(t, "x", "receipt:updated", map[string]any{"Conversation": other, "User": people[0], "Seq": 7})},
			{on, envelopeOf(t, "x", "receipt:count", map[string]any{"Conversation": other, "Version": 7})},
			{on, envelopeOf(t, "x", "receipts:synced", []map[string]any{{"User": people[1], "State": map[string]any{"Conversation": other, "LastReadSeq": 1}}})},
			{on, envelopeOf(t, "x", "receipt:updated", chat.Shown{Conversation: c, User: people[0], Message: chat.MessageID(newID()), Seq: -1, At: time.Now()})},
			{on, envelopeOf(t, "x", "receipt:updated", chat.Shown{Conversation: c, User: "'; --"})},
			{on, envelopeOf(t, "x", "receipt:updated", chat.Shown{Conversation: c, User: people[0], Message: "'; --", Seq: 1, At: time.Now()})},
			{on, envelopeOf(t, "x", "receipt:updated", chat.Shown{Conversation: c, User: people[0], Message: chat.MessageID(newID()), Seq: 1, At: time.Now().AddDate(1, 0, 0)})},
			{on, envelopeOf(t, "x", "receipt:count", chat.ReadCounts{Conversation: c, Version: 1 << 62})},
			{on, envelopeOf(t, "x", "receipt:count", chat.ReadCounts{Conversation: c, Version: 1, LastSeq: -1})},
			{on, envelopeOf(t, "x", "receipt:count", chat.ReadCounts{Conversation: c, Version: 1, Counts: []chat.ReadCount{{Message: chat.MessageID(newID()), Count: 1 << 62}}})},
			{on, envelopeOf(t, "x", "receipt:count", chat.ReadCounts{Conversation: c, Version: 1, Counts: []chat.ReadCount{{Message: "'; --", Count: 1}}})},
			{on, envelopeOf(t, "x", "message:delivered", map[string]any{"Conversation": c, "User": people[0], "UpToSeq": -1})},
			{on, envelopeOf(t, "x", "message:delivered", map[string]any{"Conversation": c, "User": "'; --", "UpToSeq": 1})},
			{on, envelopeOf(t, "x", "receipts:changed", map[string]any{"Conversation": other})},
			{on, envelopeOf(t, "x", "typing", map[string]any{"Conversation": other, "User": people[0], "Typing": true})},
			{ofBob, envelopeOf(t, "x", "receipt:synced", map[string]any{"User": people[0]})},
			{ofBob, envelopeOf(t, "x", "conversation:hidden", map[string]any{"User": people[0], "Conversation": c})},
			{ofBob, envelopeOf(t, "x", "conversation:hidden", map[string]any{"User": people[1], "Conversation": "'; --"})},
			{ofBob, envelopeOf(t, "x", "receipt:synced", map[string]any{"User": people[1], "State": chat.ReadState{Conversation: "'; --"}})},
			{ofBob, envelopeOf(t, "x", "receipt:synced", map[string]any{"User": people[1], "State": chat.ReadState{Conversation: c, LastReadSeq: 1 << 62}})},
			{ofBob, envelopeOf(t, "x", "receipt:synced", map[string]any{"User": people[1], "State": chat.ReadState{Conversation: c, UnreadCount: -1}})},
			{ofBob, envelopeOf(t, "x", "conversation:joined", map[string]any{"User": people[1], "Conversation": "'; --"})},
			{ofBob, envelopeOf(t, "x", "conversation:returned", map[string]any{"User": people[0], "Conversation": c})},
			{realtime.SystemTopic, []byte(`{"type": "roster:changed", "serverId": "x", "payload": 7}`)},
			{realtime.SystemTopic, []byte(`{"type": "login:ended", "serverId": "x", "payload": []}`)},
		} {
			before := w.nodes[1].Stats().Misheard
			bus.Publish(garbage.topic, garbage.data)
			synctest.Wait()
			if got := w.nodes[1].Stats().Misheard; got != before+1 {
				t.Errorf("garbage %d, %.60q, was counted %d times", i, garbage.data, got-before)
			}
		}
		m := w.nodes[0].send(t, people[0], c, "true")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		for _, e := range bob.awaitRev(c, m.Rev) {
			if e.change() > 0 && e.change() != m.Rev || strings.HasPrefix(e.Type, "typing") || e.Type == "receipt:synced" || e.Type == "conversation:removed" || e.Type == "message:delivered" && e.UpToSeq > m.Seq {
				t.Errorf("bob was told %+v", e)
			}
		}
	})
}

func TestAMessageThatTheStoreDoesNotHaveNeverTakesThePlaceOfOneThatItHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := inmem.NewBus()
		w := newWorld(t, 2, bus)
		people := w.people(2)
		c := w.group(people...)
		bob, carol := w.nodes[1].connect(t, people[1]), w.nodes[1].connect(t, people[1])
		bob.subscribe(c)
		head := w.head(c).LastRev
		for _, rev := range []int64{head + 2, head + 3, head + 1_000_000, 1 << 62} {
			bus.Publish(realtime.ConversationTopic(c), envelopeOf(t, "nobody", "changes", []chat.Change{forgedMessage(c, rev)}))
		}
		time.Sleep(30 * time.Second)
		for range 4 {
			w.nodes[0].send(t, people[0], c, "true")
			time.Sleep(2 * time.Second)
		}
		synctest.Wait()
		if got := revs(bob.awaitRev(c, head+4), c); len(got) != 4 {
			t.Errorf("the revs were %v", got)
		}
		for _, cl := range []*client{bob, carol} {
			for _, e := range cl.await("", func([]event) bool { return true }) {
				if e.Message != nil && e.Message.Content != "true" {
					t.Errorf("a forged message was delivered: %+v", e.Message)
				}
			}
		}
		if told := carol.activities(); *told[len(told)-1].Preview != "true" || told[len(told)-1].LastSeq != 4 {
			t.Errorf("the list ends with %+v", told[len(told)-1])
		}
		if s := w.nodes[1].Stats(); s.Misheard == 0 || s.GapsRepaired > 8 {
			t.Errorf("%+v", s)
		}
	})
}

func TestAReadPositionThatSomebodyMadeUpSilencesNoLaterOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := inmem.NewBus()
		w := newWorld(t, 2, bus)
		people := w.people(2)
		c := w.group(people...)
		var sent []chat.Message
		for range 3 {
			sent = append(sent, w.nodes[0].send(t, people[0], c, "to be read"))
		}
		bob := w.nodes[1].connect(t, people[1])
		synctest.Wait()
		forge := func(lastRead, last int64) {
			bus.Publish(realtime.UserTopic(people[1]), envelopeOf(t, "nobody", "receipt:synced", map[string]any{
				"User": people[1], "State": chat.ReadState{Conversation: c, LastReadSeq: lastRead, LastSeq: last},
			}))
		}
		told := func() (unread []int64) {
			time.Sleep(time.Second)
			for _, e := range bob.await("", func([]event) bool { return true }) {
				if e.Type == "receipt:synced" {
					unread = append(unread, e.UnreadCount)
				}
			}
			return unread
		}
		read := func(m chat.Message) {
			if _, err := w.nodes[0].rules.AdvanceRead(bg, people[1], c, m.ID); err != nil {
				t.Fatal(err)
			}
		}
		forge(1<<62, 1<<62)
		if got := told(); len(got) != 0 {
			t.Errorf("a position past every message was told: %v unread", got)
		}
		read(sent[0])
		if got := told(); !slices.Equal(got, []int64{2}) {
			t.Errorf("after it bob was told of %v unread", got)
		}
		// One that may be is told, and put right by the next look at the store.
		forge(3, 3)
		time.Sleep(10 * time.Second)
		if got := told(); !slices.Equal(got, []int64{2, 0, 2}) {
			t.Errorf("after one that may be bob was told of %v unread", got)
		}
		read(sent[1])
		if got := told(); !slices.Equal(got, []int64{2, 0, 2, 1}) {
			t.Errorf("in the end bob was told of %v unread", got)
		}
	})
}

func TestAReadPositionThatOwnMessagesMovedIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := inmem.NewBus()
		w := newWorld(t, 2, bus)
		people := w.people(2)
		c := w.group(people...)
		first := w.nodes[0].send(t, people[0], c, "to be read")
		w.nodes[0].send(t, people[1], c, "bob's own")
		bob := w.nodes[1].connect(t, people[1])
		synctest.Wait()
		told := func() (unread []int64) {
			time.Sleep(30 * time.Second)
			for _, e := range bob.await("", func([]event) bool { return true }) {
				if e.Type == "receipt:synced" {
					unread = append(unread, e.UnreadCount)
				}
			}
			return unread
		}
		// The store keeps that the first was read, and answers that the second was.
		if _, err := w.nodes[0].rules.AdvanceRead(bg, people[1], c, first.ID); err != nil {
			t.Fatal(err)
		}
		if got := told(); !slices.Equal(got, []int64{0}) {
			t.Errorf("bob was told of %v unread", got)
		}
		third := w.nodes[0].send(t, people[0], c, "one more")
		synctest.Wait() // a position past every message that bob's node knows is not believed
		bus.Publish(realtime.UserTopic(people[1]), envelopeOf(t, "nobody", "receipt:synced", map[string]any{
			"User": people[1], "State": chat.ReadState{Conversation: c, LastReadSeq: third.Seq, LastSeq: third.Seq},
		}))
		if got := told(); !slices.Equal(got, []int64{0, 0, 1}) {
			t.Errorf("after one that somebody made up bob was told of %v unread", got)
		}
	})
}

func TestAHidingThatSomebodyMadeUpIsNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := inmem.NewBus()
		w := newWorld(t, 2, bus)
		people := w.people(2)
		c := w.group(people...)
		bob := w.nodes[1].connect(t, people[1])
		bob.subscribe(c)
		synctest.Wait()
		bus.Publish(realtime.UserTopic(people[1]), envelopeOf(t, "nobody", "conversation:hidden", map[string]any{"User": people[1], "Conversation": c, "Seq": 1 << 62}))
		time.Sleep(10 * time.Second)
		m := w.nodes[0].send(t, people[0], c, "to bob")
		if got := types(bob.awaitRev(c, m.Rev)); slices.Contains(got, "conversation:removed") {
			t.Errorf("bob was told %v", got)
		}
	})
}

func TestWhatANewerNodeSaysIsUnderstoodAsFarAsItIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := inmem.NewBus()
		w := newWorld(t, 2, bus)
		people := w.people(2)
		c := w.group(people...)
		bob := w.nodes[1].connect(t, people[1])
		bob.subscribe(c)
		synctest.Wait()
		for _, topic := range []string{realtime.ConversationTopic(c), realtime.UserTopic(people[1]), realtime.SystemTopic, "chat:presence:" + string(people[1])} {
			bus.Publish(topic, []byte(`{"type": "reaction:added", "serverId": "node-9", "version": 2, "payload": {"more": [1, 2]}}`))
		}
		typing := fmt.Sprintf(`{"traceId": "t", "type": "typing", "serverId": "node-9", "payload": {"Conversation": %q, "User": %q, "Typing": true, "Device": "mobile"}}`, c, people[0])
		bus.Publish(realtime.ConversationTopic(c), []byte(typing))
		bob.awaitType("typing:started")
		if s := w.nodes[1].Stats(); s.Misheard != 0 {
			t.Errorf("%+v", s)
		}
		// A kind of change that is not known takes a rev: what it stands for is read from the store.
		m := w.nodes[0].send(t, people[0], c, "behind the bus")
		newer := forgedMessage(c, m.Rev+1)
		newer.Kind = 7
		bus.Publish(realtime.ConversationTopic(c), envelopeOf(t, "node-9", "changes", []chat.Change{newer}))
		bob.awaitRev(c, m.Rev)
	})
}

func TestAMisheardEnvelopeIsLoggedWithoutItsContentAndNotAThousandTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		bus := inmem.NewBus()
		w := newWorld(t, 1, bus)
		hub := realtime.NewHub(realtime.Config{NodeID: "logs", Log: slog.New(slog.NewTextHandler(&log, nil))}, bus)
		w.run(hub)
		synctest.Wait()
		for range 1000 {
			bus.Publish(realtime.SystemTopic, []byte(`{"type": "login:ended", "serverId": "x", "payload": "a secret"}`))
		}
		synctest.Wait()
		if got := strings.Count(log.String(), "bus.misheard"); got != 1 || hub.Stats().Misheard != 1000 {
			t.Errorf("%d lines, %d counted", got, hub.Stats().Misheard)
		}
		if strings.Contains(log.String(), "secret") {
			t.Error(log.String())
		}
	})
}

func TestALongBatchTravelsInSeveralEnvelopes(t *testing.T) {
	w := newWorld(t, 2, inmem.NewBus())
	people := w.people(2)
	c := w.group(people...)
	bob := w.nodes[1].connect(t, people[1])
	bob.subscribe(c)
	head := w.head(c).LastRev
	for _, batch := range []struct {
		n       int64
		content string
	}{{150, strings.Repeat("x", 4000)}, {32, strings.Repeat("\x01", 4000)}} {
		var changes []chat.Change
		for range batch.n {
			head++
			m := forgedMessage(c, head)
			m.Message.Content = batch.content
			changes = append(changes, m)
		}
		w.nodes[0].Announce(changes)
		bob.awaitRev(c, head)
	}
	if s := w.nodes[1].Stats(); s.Misheard != 0 {
		t.Errorf("%+v", s)
	}
}

func TestAPositionOrADeliveryPastEveryMessageThatSomebodyMadeUpSilencesNoTrueOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, n, bob, ada, c, m := reading(t)
		synctest.Wait()
		forged := shown(m[0], ada)
		forged.Seq = 1 << 60
		for kind, payload := range map[string]any{
			"receipt:updated":   forged,
			"message:delivered": map[string]any{"Conversation": c, "User": ada, "UpToSeq": 1 << 60},
		} {
			w.bus.(*inmem.Bus).Publish(realtime.ConversationTopic(c), envelopeOf(t, "nobody", kind, payload))
		}
		time.Sleep(time.Second)
		if _, err := n.rules.AdvanceRead(bg, ada, c, m[2].ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		bob.told(ada, 1, 3)
		if err := n.rules.AcknowledgeDelivery(bg, ada, c, m[2].Seq); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		for _, e := range bob.await("", func([]event) bool { return true }) {
			if e.Type == "message:delivered" && e.UpToSeq > m[2].Seq {
				t.Errorf("bob was told %+v", e)
			}
		}
	})
}
