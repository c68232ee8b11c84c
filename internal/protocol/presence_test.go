package protocol_test

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

func TestWhenSomebodyWasSeenLastDoesNotSayWhoNotedIt(t *testing.T) {
	hid := time.Date(2026, 11, 27, 15, 50, 0, 654_613_000, time.UTC)
	left := time.UnixMilli(hid.UnixMilli())
	var told [2]protocol.Time
	for i, at := range []time.Time{hid, left} {
		p := protocol.PresenceOf(chat.Presence{User: "u", Status: chat.StatusOffline, SeenAt: at}, true)
		if p.LastSeenAt == nil {
			t.Fatal("it is not told at all")
		}
		told[i] = *p.LastSeenAt
	}
	if told[0] != told[1] || told[0] != "2026-11-27T15:50:00.654000Z" {
		t.Errorf("told as %s and %s", told[0], told[1])
	}
	if p := protocol.PresenceOf(chat.Presence{User: "u", Status: chat.StatusOffline}, true); p.LastSeenAt != nil {
		t.Errorf("who was never seen is told as seen at %s", *p.LastSeenAt)
	}
}
