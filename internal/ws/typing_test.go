package ws_test

import (
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// typists are two people who follow one conversation.
func typists(w *world, connect func() *piped) (id chat.ConversationID, ada, bob *piped) {
	people := []chat.UserID{w.person(), w.person()}
	id = w.group(people...)
	ada, bob = connect(), connect()
	for i, c := range []*piped{ada, bob} {
		c.send(`{"type":"auth","token":%q}`, w.token(people[i], time.Hour))
		c.send(`{"type":"subscribe","conversationId":%q}`, id)
	}
	return id, ada, bob
}

func TestTypingIsListenedToEveryThreeSecondsAndEndsByItself(t *testing.T) {
	timed(t, options{}, func(w *world, connect func() *piped) {
		id, ada, bob := typists(w, connect)
		begun := "auth:success subscribed caught:up"
		for range 7 {
			ada.send(`{"type":"typing:start","conversationId":%q}`, id)
			time.Sleep(time.Second)
		}
		bob.expect("for seven seconds", begun+strings.Repeat(" typing:started", 3), 0)
		time.Sleep(6 * time.Second)
		bob.expect("afterwards", begun+strings.Repeat(" typing:started", 3)+" typing:stopped", 0)
		ada.expect("the typist", begun, 0)
	})
}

func TestTypingAgainRightAfterAStopOrAMessageIsPassedOn(t *testing.T) {
	timed(t, options{}, func(w *world, connect func() *piped) {
		id, ada, bob := typists(w, connect)
		start := func() { ada.send(`{"type":"typing:start","conversationId":%q}`, id) }
		start()
		start()
		ada.send(`{"type":"typing:stop","conversationId":%q}`, id)
		start()
		ada.send(`{"type":"message:send","conversationId":%q,"content":"one","clientMessageId":"k1"}`, id)
		start()
		start()
		bob.expect("at once", "auth:success subscribed caught:up typing:started typing:stopped typing:started message:received typing:started", 0)
	})
}

func TestAFloodOfTypingIsPassedOnTenTimesAndThenOnceASecond(t *testing.T) {
	timed(t, options{}, func(w *world, connect func() *piped) {
		id, ada, bob := typists(w, connect)
		flood := func() {
			for range 50 {
				ada.send(`{"type":"typing:start","conversationId":%q}`, id)
				ada.send(`{"type":"typing:stop","conversationId":%q}`, id)
			}
		}
		flood()
		bob.expect("at once", "auth:success subscribed caught:up"+strings.Repeat(" typing:started typing:stopped", 10), 0)
		time.Sleep(2 * time.Second)
		flood()
		bob.expect("after two seconds", "auth:success subscribed caught:up"+strings.Repeat(" typing:started typing:stopped", 12), 0)
	})
}
