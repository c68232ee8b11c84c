package app_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/pgtest"
)

// secret is the password of every URL below: no output may hold it.
const secret = "hunter2"

// as is a database's URL for another user, with the secret as the password.
func as(t *testing.T, database, user string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(user, secret)
	return u.String()
}

// administer runs statements on a database as its superuser.
func administer(t *testing.T, database string, statements ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // a test's own ends before its cleanup
	defer cancel()
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// wantStartError fails unless the node does not start, says each of the words, says what to do, and keeps the
// secret.
func wantStartError(t *testing.T, env []string, words ...string) {
	t.Helper()
	began := time.Now()
	n, err := app.New(t.Context(), settings(t, append(env, "PARLEY_DATA="+t.TempDir())...), "test", quiet)
	if err == nil {
		n.Close()
		t.Fatal("it starts")
	}
	var start *app.StartError
	if !errors.As(err, &start) {
		t.Errorf("it is no explained error: %v", err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q is not in: %v", w, err)
		}
	}
	if strings.Contains(err.Error(), secret) {
		t.Errorf("the password is in: %v", err)
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestADatabaseThatCannotBeUsedIsNamedWithWhatToDo(t *testing.T) {
	database := pgtest.NewDatabase(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	other := run(t, "PARLEY_DATA="+t.TempDir())
	withPassword := as(t, database, "postgres")
	elsewhere := func(address, more string) string {
		return "postgres://parley:" + secret + "@" + address + "/parley" + more
	}
	missing, _, _ := strings.Cut(withPassword, "/parley_")
	for name, row := range map[string]struct {
		url   string
		words []string
	}{
		"nothing there":       {elsewhere("127.0.0.1:1", ""), []string{"nothing answers at 127.0.0.1:1", "Start it, or correct DATABASE_URL"}},
		"a host of no name":   {elsewhere("nowhere.invalid", ""), []string{"nowhere.invalid in DATABASE_URL is not known"}},
		"a silent host":       {elsewhere(silent.Addr().String(), "?connect_timeout=1&sslmode=disable"), []string{"does not answer in time", "firewall"}},
		"another program":     {elsewhere(strings.TrimPrefix(other.url, "http://"), "?sslmode=disable"), []string{"cannot be used", "DATABASE_URL"}},
		"no such database":    {missing + "/nothing", []string{"has no database nothing", "createdb nothing"}},
		"no TLS where wanted": {strings.Replace(withPassword, "sslmode=disable", "sslmode=require", 1), []string{"does not speak TLS", "sslmode=disable"}},
		"no such user":        {as(t, database, "stranger"), []string{"refuses the user stranger", "pg_hba.conf"}},
	} {
		t.Run(name, func(t *testing.T) { wantStartError(t, []string{"DATABASE_URL=" + row.url}, row.words...) })
	}
	t.Run("the way past a pooler", func(t *testing.T) {
		direct := []string{"DATABASE_URL=" + withPassword, "PARLEY_DATABASE_DIRECT_URL=" + elsewhere("127.0.0.1:1", "")}
		wantStartError(t, direct, "nothing answers at 127.0.0.1:1", "correct PARLEY_DATABASE_DIRECT_URL")
	})
}

func TestAUserWithoutRightsIsToldWhichToGive(t *testing.T) {
	database := pgtest.NewDatabase(t)
	administer(t, database, "CREATE ROLE limited LOGIN", "CREATE ROLE stranger2 LOGIN")
	t.Cleanup(func() {
		administer(t, database, "DROP OWNED BY limited, stranger2", "DROP ROLE limited", "DROP ROLE stranger2")
	})
	t.Run("to make tables", func(t *testing.T) {
		wantStartError(t, []string{"DATABASE_URL=" + as(t, database, "limited")}, "permission denied for schema public", "GRANT USAGE, CREATE ON SCHEMA public TO limited")
	})
	administer(t, database, "GRANT USAGE, CREATE ON SCHEMA public TO limited")
	n := run(t, "PARLEY_DATA="+t.TempDir(), "DATABASE_URL="+as(t, database, "limited"))
	join(t, n, "ada")
	n.stop(t)
	t.Run("to tables of somebody else", func(t *testing.T) {
		wantStartError(t, []string{"DATABASE_URL=" + as(t, database, "stranger2")}, "permission denied for", "tables that somebody else made must be given to stranger2")
	})
}

func TestAWrongPasswordIsNamedWithoutThePassword(t *testing.T) {
	server := pgtest.Start(t)
	database := server.NewDatabase(t)
	administer(t, database, "CREATE ROLE locked LOGIN PASSWORD 'another'")
	hba := ask(t, database, "SHOW hba_file")
	rules, err := os.ReadFile(hba)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hba, append([]byte("host all locked 127.0.0.1/32 scram-sha-256\n"), rules...), 0o600); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	wantStartError(t, []string{"DATABASE_URL=" + as(t, database, "locked")}, "refuses the user locked", "Correct the user and the password")
}

// ask reads one text from a database.
func ask(t *testing.T, database, query string) (answer string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := conn.QueryRow(t.Context(), query).Scan(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestADatabaseWithoutAFreeConnectionIsNamedWithWhatToDo(t *testing.T) {
	server := pgtest.Start(t)
	database := server.NewDatabase(t)
	administer(t, database, "CREATE ROLE parley LOGIN", "ALTER SYSTEM SET max_connections = 5", "GRANT USAGE, CREATE ON SCHEMA public TO parley")
	server.Stop()
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	for range 3 { // the last three are kept for superusers
		conn, err := pgx.Connect(t.Context(), database)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
	}
	wantStartError(t, []string{"DATABASE_URL=" + as(t, database, "parley")}, "no connection left", "max_connections", "PARLEY_DATABASE_CONNECTIONS")
}

// TestAnUnsuitablePostgreSQLIsNamedWithWhatItShouldBe asks a real server whose answers about itself are
// replaced: a schema of functions stands before the system's.
func TestAnUnsuitablePostgreSQLIsNamedWithWhatItShouldBe(t *testing.T) {
	database := pgtest.NewDatabase(t)
	pretend := func(t *testing.T, number, version, encoding string, standby bool) {
		administer(t, database, "DROP SCHEMA IF EXISTS pretend CASCADE", "CREATE SCHEMA pretend",
			fmt.Sprintf(`CREATE FUNCTION pretend.current_setting(name text) RETURNS text LANGUAGE sql AS
$$ SELECT CASE name WHEN 'server_version_num' THEN '%s' WHEN 'server_version' THEN '%s' WHEN 'server_encoding' THEN '%s' END $$`, number, version, encoding),
			fmt.Sprintf("CREATE FUNCTION pretend.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS $$ SELECT %v $$", standby))
	}
	u, err := url.Parse(as(t, database, "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", "pretend,pg_catalog,public")
	u.RawQuery = q.Encode()
	for name, row := range map[string]struct {
		number, version, encoding string
		standby                   bool
		words                     []string
	}{
		"too old":       {"140011", "14.11 (Debian 14.11-1)", "UTF8", false, []string{"PostgreSQL 14.11 is too old", "needs 15 or later"}},
		"a standby":     {"150014", "15.14", "UTF8", true, []string{"standby", "Name the primary"}},
		"no UTF-8":      {"150014", "15.14", "SQL_ASCII", false, []string{"SQL_ASCII", "ENCODING 'UTF8'"}},
		"old and wrong": {"90624", "9.6.24", "LATIN1", true, []string{"PostgreSQL 9.6.24 is too old"}},
	} {
		t.Run(name, func(t *testing.T) {
			pretend(t, row.number, row.version, row.encoding, row.standby)
			n, err := app.New(t.Context(), settings(t, "PARLEY_DATA="+t.TempDir(), "DATABASE_URL="+u.String()), "test", quiet)
			if err == nil {
				n.Close()
				t.Fatal("it starts")
			}
			for _, w := range row.words {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q is not in: %v", w, err)
				}
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the password is in: %v", err)
			}
		})
	}
}
