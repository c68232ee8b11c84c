package app_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/redistest"
	"github.com/parley-chat/parley/internal/store"
)

func TestARedisThatCannotBeUsedIsNamedWithWhatToDo(t *testing.T) {
	database := "DATABASE_URL=" + pgtest.NewDatabase(t)
	guarded := redistest.Start(t, "--requirepass", "another")
	other := run(t, "PARLEY_DATA="+t.TempDir())
	postgres, err := url.Parse(pgtest.NewDatabase(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		url   string
		words []string
	}{
		"no password where one is wanted": {"redis://" + guarded.Address(), []string{"wants a password"}},
		"a wrong password":                {"redis://:" + secret + "@" + guarded.Address(), []string{"does not take the user and password"}},
		"another program":                 {"redis://:" + secret + "@" + addressOf(other), []string{"not a Redis"}},
		"the database's own port":         {"redis://:" + secret + "@" + postgres.Host, []string{"is PostgreSQL"}},
		"a database number that is wrong": {guarded.URL() + "/nothing", []string{"Redis"}},
	} {
		t.Run(name, func(t *testing.T) {
			wantStartError(t, []string{database, clusterKey, "REDIS_URL=" + row.url}, row.words...)
		})
	}
}

func TestWithRedisAwayANodeStartsAndSaysThatItIsDegraded(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for name, address := range map[string]string{"nothing there": "127.0.0.1:1", "a silent host": silent.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			n := run(t, "DATABASE_URL="+pgtest.NewDatabase(t), clusterKey, "REDIS_URL=redis://:"+secret+"@"+address)
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("the start took %v", took)
			}
			var welcome strings.Builder
			if err := n.Welcome(t.Context(), &welcome); err != nil {
				t.Fatal(err)
			}
			if said := welcome.String(); !strings.Contains(said, "Redis is away") || !strings.Contains(said, "PostgreSQL and Redis") || strings.Contains(said, secret) {
				t.Errorf("it says %s", said)
			}
			awaitHealth(t, n, 5*time.Second, "degraded", func(status int, h httpapi.Health) bool {
				return status == 200 && slices.Equal(h.Degraded, []string{"redis"})
			})
		})
	}
}

func TestARedisThatServesInPartIsNotSaidToBeAway(t *testing.T) {
	replica := redistest.Start(t)
	if _, err := replica.Do("REPLICAOF", "127.0.0.1", "1"); err != nil {
		t.Fatal(err)
	}
	n := run(t, "DATABASE_URL="+pgtest.NewDatabase(t), clusterKey, "REDIS_URL="+replica.URL())
	var welcome strings.Builder
	if err := n.Welcome(t.Context(), &welcome); err != nil {
		t.Fatal(err)
	}
	if said := welcome.String(); !strings.Contains(said, "read-only replica") || strings.Contains(said, "over PostgreSQL") || strings.Contains(said, "Redis is away") {
		t.Errorf("it says %s", said)
	}
}

func TestARedisThatWasAwayAtTheStartIsUsedWhenItComes(t *testing.T) {
	server := redistest.Start(t)
	server.Stop()
	n := run(t, "DATABASE_URL="+pgtest.NewDatabase(t), clusterKey, "REDIS_URL="+server.URL())
	awaitHealth(t, n, 5*time.Second, "degraded", func(_ int, h httpapi.Health) bool { return slices.Contains(h.Degraded, "redis") })
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	awaitHealth(t, n, 10*time.Second, "whole", whole)
}

func TestANodeWithAnotherSigningKeyIsRefusedBesideTheOthers(t *testing.T) {
	database := "DATABASE_URL=" + pgtest.NewDatabase(t)
	key := func(letter string) string { return strings.Repeat(letter, 32) }
	first := run(t, database, "PARLEY_SIGNING_KEY="+key("a"), "PARLEY_NODE_ID=first")
	awaitNode(t, database, "first")
	words := []string{"the node first at http://127.0.0.1", "signs tokens with another key", "PARLEY_SIGNING_KEY", "PARLEY_PREVIOUS_SIGNING_KEY"}
	t.Run("a key of its own in its data folder", func(t *testing.T) { wantStartError(t, []string{database}, words...) })
	t.Run("another key", func(t *testing.T) { wantStartError(t, []string{database, "PARLEY_SIGNING_KEY=" + key("b")}, words...) })
	t.Run("a new key that the others do not take yet", func(t *testing.T) {
		wantStartError(t, []string{database, "PARLEY_SIGNING_KEY=" + key("b"), "PARLEY_PREVIOUS_SIGNING_KEY=" + key("a")}, words...)
	})

	// The key is changed without a gap: every node takes the new one first, then it is swapped.
	ready := []string{database, "PARLEY_SIGNING_KEY=" + key("a"), "PARLEY_PREVIOUS_SIGNING_KEY=" + key("b")}
	second := run(t, append(ready, "PARLEY_NODE_ID=second")...)
	first.stop(t)
	swapped := run(t, database, "PARLEY_SIGNING_KEY="+key("b"), "PARLEY_PREVIOUS_SIGNING_KEY="+key("a"))
	ada := join(t, second, "ada")
	token, err := ada.AccessToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := meAt(t, swapped, token); got != ada.id {
		t.Errorf("the node with the new key takes the token for %q", got)
	}
}

func TestOfTwoNodesThatStartAtOnceWithKeysOfTheirOwnTheFirstStays(t *testing.T) {
	t.Parallel() // it waits for most of its time
	database := "DATABASE_URL=" + pgtest.NewDatabase(t)
	var built []*node
	for range 2 {
		n, err := app.New(t.Context(), settings(t, database, "PARLEY_DATA="+filepath.Join(t.TempDir(), "data")), "test", quiet)
		if err != nil {
			t.Fatal(err)
		}
		built = append(built, &node{Node: n, url: fmt.Sprintf("http://127.0.0.1:%d", n.Port()), ended: make(chan error, 1)})
	}
	ctx, end := context.WithCancel(t.Context())
	defer end()
	for _, n := range built {
		n.end = end
		go func() { n.ended <- n.Run(ctx) }()
	}
	stays, err := built[0], error(nil)
	select {
	case err = <-built[1].ended:
	case err = <-built[0].ended:
		stays = built[1]
	}
	if err == nil || !strings.Contains(err.Error(), "signs tokens with another key") {
		t.Errorf("one ended with %v", err)
	}
	awaitHealth(t, stays, 5*time.Second, "whole", whole)
	stays.stop(t)
}

func TestWithoutADataFolderANodeOnPostgreSQLWritesNoFile(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	run(t, "DATABASE_URL="+pgtest.NewDatabase(t), clusterKey, "PARLEY_DATA="+folder)
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("there is a data folder: %v", err)
	}
}

// awaitNode waits until a node is in the registry.
func awaitNode(t *testing.T, database, id string) {
	t.Helper()
	awaitRegistry(t, []string{database, clusterKey}, "that "+id+" is there", func(nodes []store.Node) bool {
		return slices.ContainsFunc(nodes, func(n store.Node) bool { return n.ID == id })
	})
}

// meAt is who a node takes a token for.
func meAt(t *testing.T, n *node, token string) string {
	t.Helper()
	c, err := client.New(n.url, client.Options{AccessToken: token})
	if err != nil {
		t.Fatal(err)
	}
	me, err := c.Me(t.Context())
	if err != nil {
		t.Error(err)
	}
	return me.ID
}
