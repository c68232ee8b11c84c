package pgtest_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/parley-chat/parley/internal/pgtest"
)

func read(t *testing.T, url, query string) (string, error) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		return "", err
	}
	defer conn.Close(context.Background())
	var answer string
	err = conn.QueryRow(context.Background(), query).Scan(&answer)
	return answer, err
}

func TestEveryDatabaseIsItsOwn(t *testing.T) {
	a, b := pgtest.NewDatabase(t), pgtest.NewDatabase(t)
	if a == b {
		t.Fatalf("both tests got %s", a)
	}
	for _, url := range []string{a, b} {
		fsync, err := read(t, url, "SHOW fsync")
		if err != nil {
			t.Fatal(err)
		}
		if fsync != "on" {
			t.Errorf("fsync is %s: a test of durability would prove nothing", fsync)
		}
	}
}

func TestAServerThatCrashedComesBackWithItsData(t *testing.T) {
	server := pgtest.Start(t)
	url := server.NewDatabase(t)
	if _, err := read(t, url, "CREATE TABLE kept AS SELECT 'yes' AS answer"); err == nil {
		t.Fatal("CREATE TABLE answered a row")
	}
	server.Crash()
	if _, err := read(t, url, "SELECT answer FROM kept"); err == nil {
		t.Fatal("a server that is down answered")
	}
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	answer, err := read(t, url, "SELECT answer FROM kept")
	if err != nil || answer != "yes" {
		t.Fatalf("after the restart: %q, %v", answer, err)
	}
}
