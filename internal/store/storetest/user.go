package storetest

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
)

func usersSuite(t *testing.T, w world) {
	t.Run("only one can be the first", w.onlyFirst)
	t.Run("an account comes back as it was stored", w.anAccount)
	t.Run("of many who want one name one gets it", w.oneName)
	t.Run("an edit changes what it names and leaves the rest", w.profileEdit)
	t.Run("people are found by prefix of either name without regard to case", w.search)
	t.Run("an erased person has no name and cannot sign in, and nobody gets the name", w.erased)
	t.Run("erasing with messages leaves tombstones that catching up sees", w.erasedWithMessages)
}

func (w world) onlyFirst(t *testing.T) {
	if there, err := w.HasAccounts(ctx); err != nil || there {
		t.Fatalf("an empty store has accounts: %v, %v", there, err)
	}
	var made atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			switch err := w.CreateAccount(ctx, newAccount(), true); code(err) {
			case "":
				made.Add(1)
			case chat.CodeConflict:
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if made.Load() != 1 {
		t.Errorf("%d were the first", made.Load())
	}
	if there, err := w.HasAccounts(ctx); err != nil || !there {
		t.Errorf("has accounts: %v, %v", there, err)
	}
}

func (w world) anAccount(t *testing.T) {
	a := newAccount()
	a.Email, a.Owner = "ada@example.org", true
	ok(t, w.CreateAccount(ctx, a, false))
	byName, err := w.AccountByName(ctx, a.UsernameKey)
	ok(t, err)
	same(t, "by name", a, byName)
	byID, err := w.Account(ctx, a.ID)
	ok(t, err)
	same(t, "by id", a, byID)
	me, err := w.Me(ctx, a.ID)
	ok(t, err)
	same(t, "me", chat.Me{User: a.User, Email: a.Email, ReadReceiptsEnabled: true, PresenceEnabled: true, PresenceSharing: chat.ShareEveryone}, me)
	if _, err := w.AccountByName(ctx, "nobody"); code(err) != chat.CodeNotFound {
		t.Errorf("by an unknown name: %v", err)
	}
	if _, err := w.Account(ctx, newID[chat.UserID]()); code(err) != chat.CodeNotFound {
		t.Errorf("by an unknown id: %v", err)
	}
	if _, err := w.Me(ctx, newID[chat.UserID]()); code(err) != chat.CodeNotFound {
		t.Errorf("an unknown me: %v", err)
	}
}

func (w world) oneName(t *testing.T) {
	var made atomic.Int64
	var wg sync.WaitGroup
	key := newAccount().UsernameKey
	for range 8 {
		wg.Go(func() {
			a := newAccount()
			a.UsernameKey = key
			switch err := w.CreateAccount(ctx, a, false); code(err) {
			case "":
				made.Add(1)
			case chat.CodeConflict:
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if made.Load() != 1 {
		t.Errorf("%d got the name", made.Load())
	}
}

func (w world) profileEdit(t *testing.T) {
	u := w.person(t)
	before, err := w.Me(ctx, u)
	ok(t, err)
	same := func(what string, want chat.Me, e chat.ProfileEdit) {
		t.Helper()
		got, err := w.UpdateMe(ctx, u, e, false)
		ok(t, err)
		if got.Me != want || got.Receipts != (before.ReadReceiptsEnabled != want.ReadReceiptsEnabled) {
			t.Errorf("%s: got %+v, want %+v", what, got, want)
		}
		before = got.Me
	}
	want := before
	same("nothing", want, chat.ProfileEdit{})
	name, email, no, nobody, none := "Augusta", "a@b.c", false, chat.ShareNobody, ""
	want.DisplayName, want.Email = name, email
	same("name and e-mail", want, chat.ProfileEdit{DisplayName: &name, Email: &email})
	want.ReadReceiptsEnabled, want.PresenceEnabled, want.PresenceSharing = false, false, nobody
	same("privacy", want, chat.ProfileEdit{ReadReceiptsEnabled: &no, PresenceEnabled: &no, PresenceSharing: &nobody})
	same("the same again", want, chat.ProfileEdit{ReadReceiptsEnabled: &no})
	want.Email = ""
	same("no e-mail", want, chat.ProfileEdit{Email: &none})
	if _, err := w.UpdateMe(ctx, newID[chat.UserID](), chat.ProfileEdit{DisplayName: &name}, false); code(err) != chat.CodeNotFound {
		t.Errorf("an unknown person: %v", err)
	}
}

func (w world) search(t *testing.T) {
	add := func(username, display string) chat.UserID {
		t.Helper()
		a := newAccount()
		a.Username, a.UsernameKey, a.DisplayName, a.Email = username, strings.ToLower(username), display, "secret@example.org"
		ok(t, w.CreateAccount(ctx, a, false))
		return a.ID
	}
	zoe, zed, str, pct := add("Zoe-S", "Ωmega"), add("zed", "Zo%e_Z"), add("stranger", "ZOËLLA Straße"), add("a_percent", "x")
	gone := add("zoe-gone", "Zoe")
	_, err := w.EraseUser(ctx, gone, false)
	ok(t, err)
	for _, tt := range []struct {
		prefix string
		want   []chat.UserID
	}{
		{"zO", []chat.UserID{str, zed, zoe}},
		{"zoë", []chat.UserID{str}},
		{"zo%", []chat.UserID{zed}},
		{"ωM", []chat.UserID{zoe}},
		{"strang", []chat.UserID{str}},
		{"zoella STRASSE", nil},
		{"zoËlla STRASSE", []chat.UserID{str}},
		{"secret", nil},
		{"__", nil},
		{"a_", []chat.UserID{pct}},
		{"deleted", nil},
		{"\\", nil},
	} {
		found, err := w.SearchUsers(ctx, newID[chat.UserID](), tt.prefix, 20)
		ok(t, err)
		var got []chat.UserID
		for _, u := range found {
			got = append(got, u.ID)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%q: found %v", tt.prefix, found)
		}
	}
	if found, err := w.SearchUsers(ctx, zed, "zo", 1); err != nil || len(found) != 1 || found[0].ID != str {
		t.Errorf("limited: %v, %v", found, err)
	}
	if found, err := w.SearchUsers(ctx, str, "zoë", 20); err != nil || len(found) != 0 {
		t.Errorf("the searcher found: %v, %v", found, err)
	}
}

func (w world) erased(t *testing.T) {
	a := newAccount()
	a.Email = "canary@example.org"
	ok(t, w.CreateAccount(ctx, a, false))
	c := w.group(t, w.person(t), a.ID)
	m := w.send(t, c, a.ID, "stays")
	token := w.login(t, a.ID)
	for range 2 {
		changed, err := w.EraseUser(ctx, a.ID, false)
		ok(t, err)
		if len(changed) != 0 {
			t.Errorf("changed %v", changed)
		}
	}
	found, err := w.Users(ctx, []chat.UserID{a.ID, newID[chat.UserID]()})
	ok(t, err)
	if len(found) != 1 || found[0].DeletedAt.IsZero() || found[0].Username == a.Username || found[0].DisplayName == a.DisplayName || found[0].DisplayName == "" {
		t.Errorf("left of them: %+v", found)
	}
	if _, err := w.Me(ctx, a.ID); code(err) != chat.CodeNotFound {
		t.Errorf("me: %v", err)
	}
	if _, err := w.Account(ctx, a.ID); code(err) != chat.CodeNotFound {
		t.Errorf("account: %v", err)
	}
	if _, err := w.AccountByName(ctx, a.UsernameKey); code(err) != chat.CodeNotFound {
		t.Errorf("account by name: %v", err)
	}
	taken := newAccount()
	taken.UsernameKey = a.UsernameKey
	if err := w.CreateAccount(ctx, taken, false); code(err) != chat.CodeConflict {
		t.Errorf("the name again: %v", err)
	}
	if r := w.rotate(t, token.Hash, time.Now()); r.Result != auth.Unknown {
		t.Errorf("their refresh token: %v", r.Result)
	}
	read, err := w.Message(ctx, c.ID, m.ID)
	ok(t, err)
	same(t, "their message", m, read)
	ok(t, w.PruneLogins(ctx, time.Now().Add(time.Hour)))
}

func (w world) erasedWithMessages(t *testing.T) {
	ada, gone := w.person(t), w.person(t)
	c, other := w.group(t, ada, gone), w.group(t, ada, gone)
	w.send(t, c, ada, "mine stays")
	var drafts []chat.Draft
	for range 450 {
		drafts = append(drafts, draft(c, gone, "canary"))
	}
	w.append(t, drafts...)
	before, err := w.Heads(ctx, []chat.ConversationID{c.ID})
	ok(t, err)
	changed, err := w.EraseUser(ctx, gone, true)
	ok(t, err)
	same(t, "changed", []chat.ConversationID{c.ID}, changed)
	for _, m := range w.history(t, c.ID) {
		if m.Deleted() != (m.Sender == gone) || (m.Content == "") != m.Deleted() {
			t.Fatalf("seq %d: %+v", m.Seq, m)
		}
	}
	changes, err := w.Changes(ctx, c.ID, before[c.ID].LastRev, 1000)
	ok(t, err)
	if len(changes.Changes) != 450 || changes.Head.LastRev != before[c.ID].LastRev+450 {
		t.Errorf("%d changes, head %+v", len(changes.Changes), changes.Head)
	}
	again, err := w.EraseUser(ctx, gone, true)
	ok(t, err)
	if len(again) != 0 {
		t.Errorf("erasing again changed %v", again)
	}
	heads, err := w.Heads(ctx, []chat.ConversationID{other.ID})
	ok(t, err)
	if heads[other.ID].LastRev != 1 {
		t.Errorf("a conversation without their messages is at rev %d", heads[other.ID].LastRev)
	}
}
