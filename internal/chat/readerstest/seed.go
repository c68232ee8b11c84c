package readerstest

import (
	"errors"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// asked returns the version that a node counts by, or the error.
func (r *room) asked(node chat.Readers) (int64, error) {
	r.t.Helper()
	_, version, err := node.Counts(ctx, r.id, nil)
	if err != nil && !errors.Is(err, chat.ErrUnseeded) {
		r.t.Fatal(err)
	}
	return version, err
}

// expectOld is what everybody is answered, or nobody.
func (r *room) expectOld(when string, want bool) {
	r.t.Helper()
	for _, node := range r.nodes {
		if _, err := r.asked(node); errors.Is(err, chat.ErrSeedOld) != want || (err != nil) != want {
			r.t.Errorf("%s the answer is %v", when, err)
		}
	}
}

func renewedByOne(t *testing.T, w World) {
	r := open(t, w)
	people := map[chat.UserID]int64{"anna": 3, "ben": 0}
	r.seed(people)
	w.Age(r.id, chat.SeedLasts(len(people))-2*time.Second)
	r.expectOld("in time", false)
	version, _ := r.asked(r.node())
	w.Age(r.id, 2*time.Second)
	if _, err := r.asked(r.node()); !errors.Is(err, chat.ErrSeedOld) {
		t.Fatalf("who asks first is answered %v", err)
	}
	r.expectOld("while one renews", false)
	r.expect(3, "ben", 1)
	r.ok(r.reads("ben", 3))
	r.seed(people)
	r.expectOld("when it is renewed", false)
	r.expect(3, "cem", 2)
	if now, _ := r.asked(r.node()); now <= version {
		t.Errorf("version %d comes after %d", now, version)
	}
}

func notRenewed(t *testing.T, w World) {
	r := open(t, w)
	people := map[chat.UserID]int64{"anna": 3, "ben": 0}
	r.seed(people)
	w.Age(r.id, chat.SeedLasts(len(people)))
	if _, err := r.asked(r.node()); !errors.Is(err, chat.ErrSeedOld) {
		t.Fatalf("who asks first is answered %v", err)
	}
	w.Age(r.id, chat.SeedRenewal)
	r.expectOld("when who was asked did nothing", true)
	r.seed(people)
	r.expectOld("when another renewed it", false)
	w.Age(r.id, chat.SeedLastsAtMost)
	if _, err := r.asked(r.node()); !errors.Is(err, chat.ErrUnseeded) || errors.Is(err, chat.ErrSeedOld) {
		t.Errorf("when nobody cared for ten minutes the answer is %v", err)
	}
}

func renewal(t *testing.T, w World) {
	r := open(t, w)
	r.seed(map[chat.UserID]int64{"anna": 3, "ben": 3, "cem": 0})
	r.expect(3, "", 2)
	r.ok(r.reads("cem", 4))
	w.Age(r.id, chat.SeedLasts(3))
	// Of this nobody was told: anna is hidden, ben has read further where Redis was away, dora has come and has read.
	r.seed(map[chat.UserID]int64{"ben": 5, "cem": 0, "dora": 4})
	r.expect(3, "", 3)
	r.expect(4, "", 3)
	r.expect(5, "", 1)
	r.ok(r.reads("anna", 6))
	r.expect(6, "", 0)
}

func keptGoing(t *testing.T, w World) {
	r := open(t, w)
	r.seed(map[chat.UserID]int64{"anna": 0, "ben": 0})
	w.Age(r.id, chat.SeedLastsAtMost-10*time.Second)
	r.ok(r.reads("anna", 2))
	r.expectOld("though somebody read", true)
	r.seed(map[chat.UserID]int64{"anna": 0, "ben": 0})
	r.expect(2, "ben", 1)
	w.Age(r.id, chat.SeedLastsAtMost)
	if err := r.reads("anna", 3); !errors.Is(err, chat.ErrUnseeded) {
		t.Errorf("who reads after ten minutes is answered %v", err)
	}
}
