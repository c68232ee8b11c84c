package app_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/chat"
)

// announce does what the command does, beside the node.
func announce(t *testing.T, env []string, text string) {
	t.Helper()
	s, err := app.OpenData(t.Context(), &settings(t, env...).Config)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.AddAnnouncement(t.Context(), chat.Announcement{ID: uuid.Must(uuid.NewV7()).String(), Text: text}); err != nil {
		t.Fatal(err)
	}
}

func TestAnAnnouncementReachesEverybodyWhoIsConnectedOnceAndWithinASecond(t *testing.T) {
	databases(t, func(t *testing.T, env []string) {
		n := run(t, env...)
		ada, bert := join(t, n, "ada"), join(t, n, "bert")
		announce(t, env, "The server restarts at 22:00.")
		said := time.Now()
		for _, p := range []*person{ada, bert} {
			if e := await[client.Announcement](t, p); e.Text != "The server restarts at 22:00." {
				t.Errorf("%q", e.Text)
			}
		}
		if took := time.Since(said); took > 2*time.Second {
			t.Errorf("it took %v", took)
		}
		late := join(t, n, "late")
		announce(t, env, "It is done.")
		for _, p := range []*person{ada, bert, late} {
			if e := await[client.Announcement](t, p); e.Text != "It is done." {
				t.Errorf("then somebody hears %q", e.Text)
			}
		}
		n.stop(t)

		n = run(t, env...)
		back := join(t, n, "ada")
		announce(t, env, "All is well.")
		if e := await[client.Announcement](t, back); e.Text != "All is well." {
			t.Errorf("after the restart somebody hears %q again", e.Text)
		}
	})
}
