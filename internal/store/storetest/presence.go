package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

func presence(t *testing.T, w world) {
	t.Run("a person watches whom they follow, and then people of conversations", w.watchesInOrder)
	t.Run("a person watches people of quiet conversations only while they have them open", w.watchesOpenOnes)
	t.Run("nobody watches themselves, and nobody an erased person", w.watchesNobodyErased)
	t.Run("who has left or was in a conversation that ended shares nothing", w.sharesWhatIsThere)
	t.Run("at most so many are watched, those of the newest activity foremost", w.watchesAtMost)
	t.Run("one query answers for many viewers, each in their own way", w.watchesForMany)
	t.Run("when people were seen last goes forward, and stands still while they are invisible", w.seesLast)
	t.Run("each change of privacy takes the next rev, and says what was known before", w.revisesPrivacy)
	t.Run("who becomes invisible was seen at that moment if they are there", w.seesLastWhenInvisible)
	t.Run("many become invisible or visible together as each would alone", w.setsVisibility)
	t.Run("so many may be followed and not more, also by two frames at once", w.followsAtMost)
	t.Run("erasing resets privacy and ends following", w.erasesPresence)
	t.Run("ids that are none are of nobody", w.nobody)
}

// editMe changes an account and returns its privacy then.
func (w world) editMe(t testing.TB, u chat.UserID, e chat.ProfileEdit) chat.Privacy {
	t.Helper()
	after, err := w.UpdateMe(ctx, u, e, false)
	ok(t, err)
	return after.Privacy
}

func (w world) watching(t testing.TB, u chat.UserID, open ...chat.ConversationID) []chat.Watched {
	t.Helper()
	watched, err := w.Watching(ctx, map[chat.UserID][]chat.ConversationID{u: open}, 5000)
	ok(t, err)
	return watched[u]
}

func watchedUsers(watched []chat.Watched) (out []chat.UserID) {
	for _, w := range watched {
		out = append(out, w.User)
	}
	return out
}

// aged is the same store a while ago.
func (w world) aged(d time.Duration) world {
	return world{w.WithClock(func() time.Time { return time.Now().Add(-d) })}
}

func (w world) watchesInOrder(t *testing.T) {
	p := w.people(t, 5)
	ada, followed, old, fresh, stranger := p[0], p[1], p[2], p[3], p[4]
	ok(t, w.FollowPresence(ctx, ada, []chat.UserID{followed, ada}))
	w.aged(time.Hour).group(t, ada, old)
	c := w.group(t, fresh, ada)
	w.send(t, c, fresh, "hello")
	w.group(t, followed, stranger)
	watched := w.watching(t, ada)
	if got := watchedUsers(watched); !slices.Equal(got, []chat.UserID{followed, fresh, old}) {
		t.Fatalf("%v watches %v", ada, got)
	}
	for _, x := range watched {
		if x.Relation != (chat.Relation{Share: x.User != followed}) {
			t.Errorf("%+v", x)
		}
		if want := (chat.Privacy{Enabled: true, Sharing: chat.ShareEveryone}); x.Privacy != want || !x.SeenAt.IsZero() {
			t.Errorf("%+v", x)
		}
	}
}

func sorted[T ~string](s []T) []T {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}

func (w world) watchesOpenOnes(t *testing.T) {
	p := w.people(t, 3)
	then := w.aged(31 * 24 * time.Hour)
	quiet, theirs := then.group(t, p[0], p[1]), then.group(t, p[1], p[2])
	if got := w.watching(t, p[0]); len(got) != 0 {
		t.Errorf("of a quiet conversation %v are watched", got)
	}
	if got := w.watching(t, p[0], quiet.ID, theirs.ID); len(got) != 1 || got[0].User != p[1] || !got[0].Relation.Share {
		t.Errorf("of an open one %v are watched", got)
	}
	ok(t, w.FollowPresence(ctx, p[0], p[1:]))
	for _, x := range w.watching(t, p[0]) {
		if x.Relation.Share != (x.User == p[1]) {
			t.Errorf("%+v is followed and in a quiet conversation", x)
		}
	}
	followed, err := w.FollowedPresence(ctx, p[0])
	ok(t, err)
	var names []string
	for _, u := range followed {
		names = append(names, u.Username)
	}
	if len(followed) != len(p[1:]) || !slices.IsSorted(names) {
		t.Errorf("followed are %v", names)
	}
	w.send(t, quiet, p[1], "hello")
	ok(t, w.UnfollowPresence(ctx, p[0], p[1:]))
	if left, err := w.FollowedPresence(ctx, p[0]); err != nil || len(left) != 0 {
		t.Errorf("after the end %v are followed, %v", left, err)
	}
	if got := w.watching(t, p[0]); len(got) != 1 || got[0].User != p[1] {
		t.Errorf("of a conversation with a new message %v are watched", got)
	}
}

func (w world) watchesNobodyErased(t *testing.T) {
	p := w.people(t, 4)
	w.group(t, p...)
	ok(t, w.FollowPresence(ctx, p[0], p))
	_, err := w.EraseUser(ctx, p[1], false)
	ok(t, err)
	if got := watchedUsers(w.watching(t, p[0])); !slices.Equal(sorted(got), sorted(p[2:])) {
		t.Errorf("%v are watched", got)
	}
	related, err := w.Relations(ctx, p[0], p)
	ok(t, err)
	if len(related) != 2 {
		t.Errorf("%v are something to the person", related)
	}
	privacies, err := w.Privacies(ctx, p)
	ok(t, err)
	if _, there := privacies[p[1]]; there || len(privacies) != 3 {
		t.Errorf("privacies are %v", privacies)
	}
}

func (w world) sharesWhatIsThere(t *testing.T) {
	p := w.people(t, 4)
	left, ended := w.group(t, p[0], p[1], p[2]), w.group(t, p[0], p[3])
	_, err := w.ReviseConversation(ctx, chat.Revision{Conversation: left.ID, RosterRev: left.RosterRev, Remove: []chat.UserID{p[1]}})
	ok(t, err)
	_, err = w.ReviseConversation(ctx, chat.Revision{Conversation: ended.ID, RosterRev: ended.RosterRev, End: true})
	ok(t, err)
	related, err := w.Relations(ctx, p[0], p[1:])
	ok(t, err)
	for u, x := range related {
		if x.Relation.Share != (u == p[2]) {
			t.Errorf("%+v", x)
		}
	}
	if got := watchedUsers(w.watching(t, p[0], left.ID, ended.ID)); !slices.Equal(got, p[2:3]) {
		t.Errorf("%v are watched", got)
	}
	if got := w.watching(t, p[1], left.ID); len(got) != 0 {
		t.Errorf("who left watches %v", got)
	}
}

func (w world) watchesAtMost(t *testing.T) {
	p := w.people(t, 12)
	ok(t, w.FollowPresence(ctx, p[0], p[11:]))
	for i, u := range p[1:11] {
		w.aged(time.Duration(i)*time.Hour).group(t, p[0], u)
	}
	watched, err := w.Watching(ctx, map[chat.UserID][]chat.ConversationID{p[0]: nil}, 4)
	ok(t, err)
	if got := watchedUsers(watched[p[0]]); !slices.Equal(got, []chat.UserID{p[11], p[1], p[2], p[3]}) {
		t.Errorf("%v are watched", got)
	}
}

func (w world) watchesForMany(t *testing.T) {
	p := w.people(t, 20)
	all := w.aged(60*24*time.Hour).group(t, p...)
	viewers := map[chat.UserID][]chat.ConversationID{}
	for i, u := range p[:10] {
		w.group(t, u, p[i+10])
		viewers[u] = nil
	}
	ok(t, w.FollowPresence(ctx, p[1], p[2:3]))
	viewers[p[0]] = []chat.ConversationID{all.ID}
	watched, err := w.Watching(ctx, viewers, 5)
	ok(t, err)
	for i, u := range p[:10] {
		got := watchedUsers(watched[u])
		switch i {
		case 0:
			if len(got) != 5 || got[0] != p[10] {
				t.Errorf("who has it open watches %v", got)
			}
		case 1:
			if !slices.Equal(got, []chat.UserID{p[2], p[11]}) || !watched[u][0].Relation.Share {
				t.Errorf("who follows one watches %v", watched[u])
			}
		default:
			if !slices.Equal(got, []chat.UserID{p[i+10]}) {
				t.Errorf("%d watches %v", i, got)
			}
		}
	}
}

func (w world) seesLast(t *testing.T) {
	p := w.people(t, 4)
	gone := w.person(t)
	_, err := w.EraseUser(ctx, gone, false)
	ok(t, err)
	early := time.Now().UTC().Truncate(time.Microsecond).Add(-time.Hour)
	late := early.Add(time.Minute)
	see := func(at time.Time) map[chat.UserID]chat.Watched {
		t.Helper()
		seen := map[chat.UserID]time.Time{gone: at, newID[chat.UserID](): at, "nobody": at}
		for _, u := range p {
			seen[u] = at
		}
		noted, err := w.SawLast(ctx, seen)
		ok(t, err)
		if len(noted) != len(p) {
			t.Errorf("%v are noted", noted)
		}
		return noted
	}
	invisible := true
	see(early)
	after := w.editMe(t, p[0], chat.ProfileEdit{PresenceInvisible: &invisible})
	for u, x := range see(late) {
		want := late
		if u == p[0] {
			want = early
			if x.Privacy != after {
				t.Errorf("the privacy is %+v, not %+v", x.Privacy, after)
			}
		}
		if x.User != u || !x.SeenAt.Equal(want) {
			t.Errorf("%+v was seen, not at %v", x, want)
		}
	}
	for u, x := range see(early) {
		if u != p[0] && !x.SeenAt.Equal(late) {
			t.Errorf("%+v was seen earlier than before", x)
		}
	}
}

func (w world) revisesPrivacy(t *testing.T) {
	u := w.person(t)
	yes, no, friends := true, false, chat.ShareFriends
	want := chat.Privacy{Enabled: true, Sharing: chat.ShareEveryone}
	for i, step := range []struct {
		edit              chat.ProfileEdit
		change            func()
		presence, visible bool
	}{
		{chat.ProfileEdit{PresenceInvisible: &no, PresenceEnabled: &yes}, func() {}, false, false},
		{chat.ProfileEdit{PresenceInvisible: &yes}, func() { want.Invisible = true }, true, false},
		{chat.ProfileEdit{PresenceInvisible: &yes}, func() {}, false, false},
		{chat.ProfileEdit{PresenceSharing: &friends, PresenceEnabled: &no}, func() { want.Sharing, want.Enabled = friends, false }, true, false},
		{chat.ProfileEdit{ReadReceiptsEnabled: &no}, func() {}, false, false},
		{chat.ProfileEdit{PresenceInvisible: &no, ReadReceiptsEnabled: &yes}, func() { want.Invisible = false }, true, true},
		{chat.ProfileEdit{}, func() {}, false, false},
	} {
		step.change()
		if step.presence {
			want.Rev++
		}
		got, err := w.UpdateMe(ctx, u, step.edit, false)
		ok(t, err)
		if got.Privacy != want || got.Presence != step.presence || got.Visible != step.visible {
			t.Errorf("%d: got %+v, want %+v", i, got, want)
		}
		if me := got.Me; me.PresenceInvisible != want.Invisible || me.PresenceSharing != want.Sharing || me.PresenceEnabled != want.Enabled {
			t.Errorf("%d: the account is %+v", i, me)
		}
		privacies, err := w.Privacies(ctx, []chat.UserID{u})
		ok(t, err)
		if privacies[u] != want {
			t.Errorf("%d: the privacy is %+v", i, privacies[u])
		}
	}
}

func (w world) seesLastWhenInvisible(t *testing.T) {
	yes, no := true, false
	for _, there := range []bool{true, false} {
		u := w.person(t)
		before := time.Now().UTC().Add(-time.Hour).Truncate(time.Microsecond)
		_, err := w.SawLast(ctx, map[chat.UserID]time.Time{u: before})
		ok(t, err)
		hidden, err := w.UpdateMe(ctx, u, chat.ProfileEdit{PresenceInvisible: &yes}, there)
		ok(t, err)
		if moved := hidden.SeenAt.After(before); moved != there {
			t.Errorf("who is there %v was seen at %v, not %v", there, hidden.SeenAt, before)
		}
		again, err := w.UpdateMe(ctx, u, chat.ProfileEdit{PresenceInvisible: &yes}, true)
		ok(t, err)
		shown, err := w.UpdateMe(ctx, u, chat.ProfileEdit{PresenceInvisible: &no}, true)
		ok(t, err)
		if !again.SeenAt.Equal(hidden.SeenAt) || !shown.SeenAt.Equal(hidden.SeenAt) {
			t.Errorf("who stays invisible, or is so no more, was seen at %v and %v, not %v", again.SeenAt, shown.SeenAt, hidden.SeenAt)
		}
	}
}

func (w world) followsAtMost(t *testing.T) {
	u, others := w.person(t), w.people(t, chat.MaxFollowed+2)
	half := chat.MaxFollowed / 2
	ok(t, w.FollowPresence(ctx, u, others[:half]))
	answers := make(chan error)
	for _, some := range [][]chat.UserID{others[half:chat.MaxFollowed], others[half+2:]} {
		go func() { answers <- w.FollowPresence(ctx, u, some) }()
	}
	if a, b := code(<-answers), code(<-answers); a == b || a != "" && a != chat.CodeValidation || b != "" && b != chat.CodeValidation {
		t.Errorf("two that are together too many are answered %q and %q", a, b)
	}
	if got := len(w.watching(t, u)); got != chat.MaxFollowed {
		t.Errorf("%d are followed", got)
	}
	ok(t, w.FollowPresence(ctx, u, others[:half]))
	ok(t, w.UnfollowPresence(ctx, u, others[:10]))
	if got := len(w.watching(t, u)); got != chat.MaxFollowed-10 {
		t.Errorf("%d are followed", got)
	}
}

func (w world) erasesPresence(t *testing.T) {
	p := w.people(t, 2)
	ok(t, w.FollowPresence(ctx, p[0], p[1:]))
	ok(t, w.FollowPresence(ctx, p[1], p[:1]))
	invisible := true
	w.editMe(t, p[0], chat.ProfileEdit{PresenceInvisible: &invisible})
	_, err := w.EraseUser(ctx, p[0], false)
	ok(t, err)
	for _, u := range p {
		if got := w.watching(t, u); len(got) != 0 {
			t.Errorf("%s watches %v", u, got)
		}
	}
	if got := code(w.FollowPresence(ctx, p[0], p[1:])); got != chat.CodeNotFound {
		t.Errorf("an erased person follows: %q", got)
	}
}

func (w world) nobody(t *testing.T) {
	u := w.person(t)
	others := []chat.UserID{"", "nobody", "'", newID[chat.UserID](), chat.UserID(fmt.Sprint(u, " "))}
	ok(t, w.FollowPresence(ctx, u, others))
	ok(t, w.UnfollowPresence(ctx, u, others))
	related, err := w.Relations(ctx, u, others)
	ok(t, err)
	if len(related) != 0 || len(w.watching(t, u)) != 0 {
		t.Errorf("%v are something to a person, who watches %v", related, w.watching(t, u))
	}
}

func (w world) setsVisibility(t *testing.T) {
	p := w.people(t, 5)
	c, m := w.conversationOf(t, p, 3)
	now := minutes(1)
	clocked := w.WithClock(func() time.Time { return now })
	w.setInvisible(t, clocked, p[2], true)
	w.setInvisible(t, clocked, p[3], true)
	w.setReceipts(t, clocked, p[4], false)
	w.setInvisible(t, clocked, p[4], true)
	for _, u := range p[2:] {
		ok(t, clocked.WriteSteps(ctx, []chat.Step{private(m[1], u, minutes(2))}))
	}
	now = minutes(3)
	rev := func(of chat.Privacy, rev int64, invisible bool) chat.Privacy {
		of.Rev, of.Invisible = rev, invisible
		return of
	}
	before, err := w.Privacies(ctx, p)
	ok(t, err)
	became, err := clocked.SetVisibility(ctx, []chat.Visibility{
		{User: p[0], Invisible: true, There: true}, {User: p[1], Invisible: true}, {User: p[2]},
		{User: p[3]}, {User: p[3], Invisible: true}, {User: p[4]}, {User: newID[chat.UserID](), Invisible: true}, {User: "nobody"},
	})
	ok(t, err)
	plain := before[p[0]]
	same(t, "what became of them", map[chat.UserID]chat.PrivacyChange{
		p[0]: {Presence: true, Privacy: rev(plain, 1, true), SeenAt: minutes(3)},
		p[1]: {Presence: true, Privacy: rev(plain, 1, true)},
		p[2]: {Presence: true, Visible: true, Privacy: rev(plain, 2, false), Shown: []chat.ConversationID{c.ID}},
		p[3]: {Privacy: rev(plain, 1, true)},
		p[4]: {Presence: true, Visible: true, Privacy: rev(plain, 2, false)},
	}, became)
	after, err := w.Privacies(ctx, p)
	ok(t, err)
	for u, is := range became {
		same(t, "what is kept", is.Privacy, after[u])
	}
	w.expectReaders(t, "who is visible again", m[1], read{p[2], minutes(3)})
	again, err := clocked.SetVisibility(ctx, []chat.Visibility{{User: p[0], Invisible: true, There: true}, {User: p[2]}})
	ok(t, err)
	same(t, "again", map[chat.UserID]chat.PrivacyChange{
		p[0]: {Privacy: rev(plain, 1, true), SeenAt: minutes(3)}, p[2]: {Privacy: rev(plain, 2, false)},
	}, again)
}
