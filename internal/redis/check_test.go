package redis_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/port"
	"github.com/parley-chat/parley/internal/redis"
	"github.com/parley-chat/parley/internal/redistest"
)

// secret is what no error may show.
const secret = "hunter2"

// check opens and checks a URL.
func check(t *testing.T, url string) error {
	t.Helper()
	bus, err := redis.Open(redis.Config{URL: url, NodeID: "node"})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	began := time.Now()
	defer func() {
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %s", took)
		}
	}()
	return bus.Check(ctx)
}

// expect compares an error with what it must say; "" is no error.
func expect(t *testing.T, err error, away bool, says string) {
	t.Helper()
	_, wrong := errors.AsType[*redis.WrongError](err)
	switch {
	case says == "" && err != nil:
		t.Fatalf("it says %v", err)
	case says == "":
		return
	case err == nil:
		t.Fatalf("it finds nothing, want %q", says)
	case wrong == away, errors.Is(err, redis.ErrAway) != away, !strings.Contains(err.Error(), says):
		t.Errorf("it says %v (wrong %v), want %q and away %v", err, wrong, says, away)
	}
	if strings.Contains(err.Error(), secret) {
		t.Errorf("it shows the secret: %v", err)
	}
}

func TestAURLThatCannotBeReadIsExplainedWithoutItsPassword(t *testing.T) {
	for _, url := range []string{
		"", "localhost:6379", "http://:hunter2@localhost", "redis://:hunter2@host:port", "redis://:hunt#hunter2@host", "redis://:hunter2/x@host",
		"redis://:hunter2@host/zero", "redis://:hunter2@host/1/2", "redis://:hunter2@host?dial_timeout=hunter2", "redis://\x00hunter2", "redis://:%hunter2@host",
	} {
		expect(t, check(t, url), false, "cannot be read")
	}
}

func TestARedisThatWillDoIsFoundSo(t *testing.T) {
	dir := t.TempDir()
	server := redistest.Start(t, "--unixsocket", filepath.Join(dir, "redis.sock"))
	expect(t, check(t, server.URL()), false, "")
	expect(t, check(t, server.URL()+"/3"), false, "")
	expect(t, check(t, "unix://"+filepath.Join(dir, "redis.sock")), false, "")
	if keys := do(t, server, "DBSIZE"); keys != "0" && keys != "1" {
		t.Errorf("%s keys are left behind", keys)
	}
	expect(t, check(t, redistest.StartCluster(t).URL()), false, "")
}

func TestAPasswordThatIsMissingOrWrongIsSaid(t *testing.T) {
	server := redistest.Start(t, "--requirepass", "sesame")
	expect(t, check(t, server.URL()), false, "")
	expect(t, check(t, "redis://"+server.Address()), false, "wants a password")
	expect(t, check(t, "redis://:hunter2@"+server.Address()), false, "does not take the user and password")
	expect(t, check(t, "redis://parley:hunter2@"+server.Address()), false, "does not take the user and password")
	open := redistest.Start(t)
	expect(t, check(t, "redis://:hunter2@"+open.Address()), false, "")
	expect(t, check(t, open.URL()+"/99"), false, "database number")
}

func TestAUserNeedsOnlyTheRightsThatTheMessageNames(t *testing.T) {
	server := redistest.Start(t)
	do(t, server, "ACL", "SETUSER", "parley", "on", ">hunter2", "-@all", "+@connection")
	url := "redis://parley:hunter2@" + server.Address()
	err := check(t, url)
	expect(t, err, false, "ACL SETUSER")
	_, rights, _ := strings.Cut(err.Error(), "ACL SETUSER name ")
	do(t, server, append([]string{"ACL", "SETUSER", "parley"}, strings.Fields(rights)...)...)
	expect(t, check(t, url), false, "")
	n := join(t, url, "node")
	e := listen(t, n, topic).inForce(topic)
	e.hearsFrom(n, topic)
	if r := redis.NewLimiter(n.Bus, locally{}).Patient().Take(t.Context(), fivePerMinute, "anna"); isLocal(r) {
		t.Error("the user may not count limits")
	}
	seedReaders(t, redis.NewReaders(n.Bus), room, map[chat.UserID]int64{"anna": 0})
	if changed := told(t, redis.NewDevices(n.Bus), "anna"); changed != 1 {
		t.Errorf("of one who comes %d are told", changed)
	}
	do(t, server, "ACL", "SETUSER", "parley", "-info")
	expect(t, check(t, url), false, "")
	for _, right := range []string{"resetchannels", "-publish", "-subscribe", "-evalsha", "resetkeys", "-rpush", "-zcount", "-lrem", "-rpoplpush", "-del", "-type", "-mget"} {
		do(t, server, "ACL", "SETUSER", "parley", right)
		t.Run(right, func(t *testing.T) { expect(t, check(t, url), false, "ACL SETUSER") })
		do(t, server, append([]string{"ACL", "SETUSER", "parley"}, strings.Fields(rights)...)...)
	}
}

func TestWhatIsNotARedisIsSaid(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	expect(t, check(t, "redis://:hunter2@"+web.Listener.Addr().String()), false, "is not a Redis")
	expect(t, check(t, "rediss://:hunter2@"+web.Listener.Addr().String()), false, "does not speak TLS")
	for name, greet := range map[string]string{"ssh": "SSH-2.0-OpenSSH_9.2\r\n", "smtp": "220 mail ready\r\n", "pop3": "+OK ready\r\n"} {
		t.Run(name, func(t *testing.T) {
			expect(t, check(t, "redis://:hunter2@"+serve(t, greet, false)), false, "is not a Redis")
		})
	}
	database, err := url.Parse(pgtest.NewDatabase(t))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, check(t, "redis://:hunter2@"+database.Host), false, "is PostgreSQL")
}

// serve is a server that says one thing and is then silent, or closes.
func serve(t *testing.T, greeting string, closes bool) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte(greeting))
			if closes {
				_ = conn.Close()
			} else {
				t.Cleanup(func() { _ = conn.Close() })
			}
		}
	}()
	return l.Addr().String()
}

func TestARedisThatIsAwayIsNoReasonNotToStart(t *testing.T) {
	free, err := port.Free()
	if err != nil {
		t.Fatal(err)
	}
	expect(t, check(t, fmt.Sprintf("redis://:hunter2@127.0.0.1:%d", free)), true, "cannot be reached")
	expect(t, check(t, "redis://:hunter2@no-such-host.invalid"), true, "cannot be reached")
	expect(t, check(t, "redis://:hunter2@"+serve(t, "", true)), true, "closes the connection")
	expect(t, check(t, "redis://:hunter2@"+serve(t, "%7\r\n$6\r\nser", true)), true, "closes the connection")
	expect(t, check(t, "redis://:hunter2@"+serve(t, "", false)), true, "cannot be reached")
	expect(t, check(t, "unix:///no/such/socket"), true, "cannot be reached")
	frozen := redistest.Start(t)
	frozen.Freeze()
	expect(t, check(t, frozen.URL()), true, "cannot be reached")
	full := redistest.Start(t, "--maxclients", "1")
	hold, err := net.Dial("tcp", full.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Close()
	expect(t, check(t, full.URL()), true, "max number of clients")
}

func TestARedisThatCannotWriteWillDoInPart(t *testing.T) {
	replica, full := redistest.Start(t), redistest.Start(t)
	do(t, replica, "REPLICAOF", "127.0.0.1", "1")
	do(t, full, "CONFIG", "SET", "maxmemory", "1")
	for server, says := range map[*redistest.Server]string{replica: "read-only replica", full: "no memory left"} {
		err := check(t, server.URL())
		expect(t, err, true, says)
		if !errors.Is(err, redis.ErrInPart) {
			t.Errorf("%v is no error in part", err)
		}
		n := join(t, server.URL(), "node")
		e := listen(t, n, topic).inForce(topic)
		e.hearsFrom(n, topic)
	}
}

func TestTLSIsUsedAndItsCertificateChecked(t *testing.T) {
	dir := t.TempDir()
	certificate(t, dir)
	free, err := port.Free()
	if err != nil {
		t.Fatal(err)
	}
	server := redistest.Start(t, "--tls-port", fmt.Sprint(free), "--tls-cert-file", filepath.Join(dir, "cert.pem"),
		"--tls-key-file", filepath.Join(dir, "key.pem"), "--tls-auth-clients", "no")
	url := fmt.Sprintf("rediss://127.0.0.1:%d", free)
	expect(t, check(t, url), false, "is not trusted")
	expect(t, check(t, strings.Replace(server.URL(), "redis:", "rediss:", 1)), true, "does not answer in TLS")
	expect(t, check(t, fmt.Sprintf("redis://:hunter2@127.0.0.1:%d", free)), true, "rediss://")
	expect(t, check(t, url+"?skip_verify=1"), false, "")
	a, b := join(t, url+"?skip_verify=1", "a"), join(t, server.URL(), "b")
	e := listen(t, b, topic).inForce(topic)
	e.hearsFrom(a, topic)
}

// certificate writes a certificate that nobody has signed.
func certificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "redis"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
