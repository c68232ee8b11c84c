package redis_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/redistest"
)

// sentinel watches over a primary and makes its replica the next one.
func sentinel(t *testing.T, primary, replica *redistest.Server) *redistest.Server {
	t.Helper()
	host, port, _ := net.SplitHostPort(primary.Address())
	do(t, replica, "REPLICAOF", host, port)
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, "sentinel monitor parley %s %s 1\nsentinel down-after-milliseconds parley 500\n", host, port), 0o600); err != nil {
		t.Fatal(err)
	}
	s := redistest.Start(t, file, "--sentinel")
	eventually(t, "the sentinel knowing the replica", func() bool {
		replicas := do(t, s, "SENTINEL", "REPLICAS", "parley")
		return strings.Contains(replicas, "master-link-status\nok")
	})
	return s
}

func TestAfterAFailoverTheBusGoesOnAtTheNewPrimary(t *testing.T) {
	primary, replica := redistest.Start(t), redistest.Start(t)
	url := sentinel(t, primary, replica).URL() + "?master_set=parley"
	expect(t, check(t, url), false, "")
	a, b := join(t, url, "a"), join(t, url, "b")
	e := listen(t, b, topic).inForce(topic)
	e.hearsFrom(a, topic)
	before := e.losses()
	primary.Kill()
	a.await(false)
	b.await(false)
	a.await(true)
	b.await(true)
	e.loses(before)
	a.Publish(topic, []byte("at the new one"))
	e.hears(topic, "at the new one")
	if !strings.Contains(do(t, replica, "ROLE"), "master") {
		t.Error("the replica is none the less a replica")
	}
}
