package store_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
)

// age moves a time of all rows into the past.
func (in inside) age(t *testing.T, table, column string, by time.Duration) {
	t.Helper()
	span := "$1"
	if in.Kind() == "postgres" {
		span = "$1::bigint * interval '1 microsecond'"
	}
	in.exec(t, "UPDATE "+table+" SET "+column+" = "+column+" - "+span, by.Microseconds())
}

func TestANodeIsThereForHalfAMinuteAfterItsLastBeat(t *testing.T) {
	onEach(t, func(t *testing.T, in inside) {
		n := store.Node{ID: "a", Process: uuid.NewString()}
		if _, _, err := in.Beat(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		there := func() int {
			t.Helper()
			nodes, err := in.Nodes(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return len(nodes)
		}
		in.age(t, "nodes", "seen_at", 25*time.Second)
		if there() != 1 {
			t.Error("gone after 25 seconds")
		}
		in.age(t, "nodes", "seen_at", 10*time.Second)
		if there() != 0 {
			t.Error("there after 35 seconds")
		}
		successor := store.Node{ID: "a", Process: uuid.NewString()}
		if _, rival, err := in.Beat(t.Context(), successor); err != nil || rival {
			t.Errorf("its successor, long after: rival %v, %v", rival, err)
		}
		if there() != 1 {
			t.Error("its successor is not there")
		}
	})
}

func TestWhatIsADayOldGoesWhenSomethingNewComes(t *testing.T) {
	onEach(t, func(t *testing.T, in inside) {
		add := func(id string) {
			t.Helper()
			if _, _, err := in.Beat(t.Context(), store.Node{ID: id, Process: uuid.NewString()}); err != nil {
				t.Fatal(err)
			}
			if _, err := in.AddAnnouncement(t.Context(), chat.Announcement{ID: uuid.NewString(), Text: id}); err != nil {
				t.Fatal(err)
			}
		}
		rows := func(table string) (n int) {
			t.Helper()
			if err := in.raw.QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		add("old")
		in.age(t, "nodes", "seen_at", 23*time.Hour)
		in.age(t, "announcements", "created_at", 23*time.Hour)
		add("new")
		if nodes, announcements := rows("nodes"), rows("announcements"); nodes != 2 || announcements != 2 {
			t.Errorf("after 23 hours there are %d nodes and %d announcements", nodes, announcements)
		}
		in.age(t, "nodes", "seen_at", 2*time.Hour)
		in.age(t, "announcements", "created_at", 2*time.Hour)
		add("newest")
		if nodes, announcements := rows("nodes"), rows("announcements"); nodes != 2 || announcements != 2 {
			t.Errorf("after 25 hours there are %d nodes and %d announcements", nodes, announcements)
		}
	})
}

func TestAnAnnouncementIsRecentForAsLongAsAsked(t *testing.T) {
	onEach(t, func(t *testing.T, in inside) {
		if _, err := in.AddAnnouncement(t.Context(), chat.Announcement{ID: uuid.NewString(), Text: "x"}); err != nil {
			t.Fatal(err)
		}
		in.age(t, "announcements", "created_at", 90*time.Second)
		for within, want := range map[time.Duration]int{time.Minute: 0, 2 * time.Minute: 1} {
			got, err := in.RecentAnnouncements(t.Context(), within)
			if err != nil || len(got) != want {
				t.Errorf("within %v: %d, %v", within, len(got), err)
			}
		}
	})
}
