package app_test

import (
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/pgtest"
)

// smallDisk mounts a disk of its own size in memory. It needs the right to mount, which root has.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	at := t.TempDir()
	if err := syscall.Mount("tmpfs", at, "tmpfs", 0, "size="+size); err != nil {
		t.Fatalf("a small disk cannot be mounted: %v. Run this test as root, where mounting is allowed", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(at, syscall.MNT_DETACH); err != nil {
			t.Errorf("the small disk cannot be unmounted: %v", err)
		}
	})
	return at
}

// fill leaves so many MiB of a disk free.
func fill(t *testing.T, disk string, free uint64) (ballast string) {
	t.Helper()
	var s syscall.Statfs_t
	if err := syscall.Statfs(disk, &s); err != nil {
		t.Fatal(err)
	}
	ballast = filepath.Join(disk, "ballast")
	if err := os.WriteFile(ballast, make([]byte, s.Bavail*uint64(s.Bsize)-free<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	return ballast
}

func readOnly(_ int, h httpapi.Health) bool { return slices.Contains(h.Degraded, "storage") }

func writable(status int, h httpapi.Health) bool {
	return status == http.StatusOK && len(h.Degraded) == 0
}

// wantReadOnly demands the refusal of a disk that is nearly full.
func wantReadOnly(t *testing.T, what string, err error) {
	t.Helper()
	var e *client.Error
	if !errors.As(err, &e) || e.Code != client.CodeDBConnectionLost || e.Reason != "read_only" || !e.Retryable || e.RetryAfter != 30*time.Second {
		t.Errorf("%s: %v", what, err)
	}
}

func TestBelowItsReserveOfFreeDiskANodeReadsAndSignsInAndWritesAgainWithTwiceAsMuch(t *testing.T) {
	disk := smallDisk(t, "96m")
	n := run(t, "PARLEY_DATA="+disk, "PARLEY_STORAGE_RESERVE=16")
	ada, bert := join(t, n, "ada"), join(t, n, "bert")
	c := direct(t, ada, bert)
	before, err := ada.live.Send(t.Context(), client.Draft{ConversationID: c, Content: "before", ClientMessageID: "before"})
	if err != nil {
		t.Fatal(err)
	}
	ballast := fill(t, disk, 8)
	awaitHealth(t, n, 10*time.Second, "read-only", readOnly)

	_, err = ada.live.Send(t.Context(), client.Draft{ConversationID: c, Content: "over the socket"})
	wantReadOnly(t, "a send", err)
	var e *client.Error
	if errors.As(err, &e) && e.Outcome != client.Rejected {
		t.Errorf("its outcome is %s", e.Outcome)
	}
	_, err = ada.SendMessage(t.Context(), client.Draft{ConversationID: c, Content: "over REST"})
	wantReadOnly(t, "a send over REST", err)
	_, err = ada.EditMessage(t.Context(), c, before.MessageID, "edited")
	wantReadOnly(t, "an edit", err)
	_, err = ada.CreateConversation(t.Context(), client.NewConversation{Type: "group", ParticipantIDs: []string{bert.id}, Title: "Garden"})
	wantReadOnly(t, "a conversation", err)
	stranger, err := client.New(n.url, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = stranger.Register(t.Context(), client.Registration{Username: "carl", Password: "carl-password"})
	wantReadOnly(t, "an account", err)

	again, err := ada.live.Send(t.Context(), client.Draft{ConversationID: c, Content: "before", ClientMessageID: "before"})
	if err != nil || again.MessageID != before.MessageID {
		t.Errorf("the retry of what is stored: %+v %v", again, err)
	}
	page, err := bert.Messages(t.Context(), c, client.HistoryQuery{Limit: 10})
	if err != nil || len(page.Messages) != 1 {
		t.Errorf("history: %d messages, %v", len(page.Messages), err)
	}
	if _, err := stranger.Login(t.Context(), "bert", "bert-password"); err != nil {
		t.Errorf("signing in: %v", err)
	}
	if err := stranger.Logout(t.Context()); err != nil {
		t.Errorf("signing out: %v", err)
	}
	bert.live.Typing(c, true)
	await[client.Typing](t, ada)
	if err := ada.DeleteMessage(t.Context(), c, before.MessageID); err != nil {
		t.Errorf("a deletion: %v", err)
	}

	if err := os.Truncate(ballast, fileSize(t, ballast)-(16<<20)); err != nil {
		t.Fatal(err)
	}
	if _, h := healthOf(t, n); !readOnly(0, h) {
		t.Error("it writes again with less than twice the reserve")
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	awaitHealth(t, n, 10*time.Second, "as before", writable)
	say(t, ada, c, "with room again")
}

func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func TestAFloodOfMessagesEndsAtTheReserveAndNotAtTheEndOfTheDisk(t *testing.T) {
	disk := smallDisk(t, "96m")
	n := run(t, "PARLEY_DATA="+disk, "PARLEY_STORAGE_RESERVE=32")
	ada, bert := join(t, n, "ada"), join(t, n, "bert")
	c := direct(t, ada, bert)
	stored := 0
	var err error
	for ; err == nil && stored < 9000; stored++ {
		_, err = ada.live.Send(t.Context(), client.Draft{ConversationID: c, Content: strings.Repeat("\U0001F600", 4000)})
	}
	wantReadOnly(t, "the last", err)
	var s syscall.Statfs_t
	if err := syscall.Statfs(disk, &s); err != nil {
		t.Fatal(err)
	}
	if free := s.Bavail * uint64(s.Bsize) >> 20; free < 16 {
		t.Errorf("%d MiB are free after %d messages, of a reserve of 32", free, stored)
	}
	if _, err := bert.Messages(t.Context(), c, client.HistoryQuery{Limit: 10}); err != nil {
		t.Error(err)
	}
}

func TestTheDiskOfAPostgreSQLIsWatchedWhereItIsNamed(t *testing.T) {
	disk := smallDisk(t, "64m")
	n := run(t, "PARLEY_DATA="+t.TempDir(), "DATABASE_URL="+pgtest.NewDatabase(t), "PARLEY_STORAGE_PATH="+disk, "PARLEY_STORAGE_RESERVE=16")
	ada, bert := join(t, n, "ada"), join(t, n, "bert")
	c := direct(t, ada, bert)
	say(t, ada, c, "before")
	ballast := fill(t, disk, 8)
	awaitHealth(t, n, 10*time.Second, "read-only", readOnly)
	_, err := ada.live.Send(t.Context(), client.Draft{ConversationID: c, Content: "while it is full"})
	wantReadOnly(t, "a send", err)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	awaitHealth(t, n, 10*time.Second, "as before", writable)
	say(t, ada, c, "with room again")
}

func TestAReserveThatTheDiskHasNoRoomForAndAFileInsteadOfAFolderRefuseTheStart(t *testing.T) {
	disk := smallDisk(t, "64m")
	file := filepath.Join(disk, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, env := range map[string][]string{
		"there must be room for twice as much": {"PARLEY_STORAGE_PATH=" + disk, "PARLEY_STORAGE_RESERVE=33"},
		"not a directory":                      {"PARLEY_STORAGE_PATH=" + file},
	} {
		c := settings(t, append(env, "PARLEY_DATA="+t.TempDir())...)
		_, err := app.New(t.Context(), c, "test", slog.New(slog.DiscardHandler))
		var refused *app.StartError
		if !errors.As(err, &refused) || !strings.Contains(refused.What, want) {
			t.Errorf("%q is not said: %v", want, err)
		}
		if found := strings.Join(unsound(t, c), "\n"); !strings.Contains(found, want) {
			t.Errorf("the doctor does not say %q: %s", want, found)
		}
	}
}
