package proxy_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chaos/proxy"
)

// publisher is a server that says what it is told to, and a connection to it through a proxy for Redis.
func publisher(t *testing.T, w proxy.Losses) (says net.Conn, hears net.Conn) {
	t.Helper()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p, err := proxy.ListenRedis(server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if w.Concerns == nil {
		w.Concerns = func(channel, _ string) bool { return strings.HasPrefix(channel, "lossy") }
	}
	p.Set(proxy.Weather{Losses: &w})
	hears = connect(t, p)
	if says, err = server.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Close()
		says.Close()
		server.Close()
	})
	return says, hears
}

func push(channel, message string) string {
	return fmt.Sprintf(">3\r\n$7\r\nmessage\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", len(channel), channel, len(message), message)
}

func tell(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
}

const last = "+the last\r\n"

func TestAMessageIsLostOnlyBeforeAnotherOneOfItsChannel(t *testing.T) {
	says, hears := publisher(t, proxy.Losses{Swallow: 1})
	tell(t, says, push("lossy1", "a")+push("lossy2", "b")+push("lossy1", "c")+":7\r\n"+push("lossy1", "d")+last)
	hear(t, hears, push("lossy2", "b")+":7\r\n"+push("lossy1", "d")+last)
}

func TestAMessageThatNothingFollowsComesLate(t *testing.T) {
	says, hears := publisher(t, proxy.Losses{Swallow: 1})
	tell(t, says, push("lossy", "a"))
	hear(t, hears, push("lossy", "a"))
	tell(t, says, push("lossy", "b"))
	says.Close()
	hear(t, hears, push("lossy", "b"))
	if _, err := hears.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("after the end: %v", err)
	}
}

func TestADoubledMessageComesTwiceAndNothingElseDoes(t *testing.T) {
	says, hears := publisher(t, proxy.Losses{Double: 1})
	tell(t, says, push("lossy", "a")+push("sure", "b")+":7\r\n"+last)
	hear(t, hears, push("lossy", "a")+push("lossy", "a")+push("sure", "b")+":7\r\n"+last)
}

func TestWhatIsNotConcernedAndWhatIsNotRedisPassAsTheyAre(t *testing.T) {
	says, hears := publisher(t, proxy.Losses{Swallow: 1})
	text := push("sure", "a") + push("sure", "b") + ">3\r\n$9\r\nsubscribe\r\n$5\r\nlossy\r\n:1\r\n" + "*2\r\n:1\r\n_\r\n" + "no RESP\r\n" + push("lossy", "a") + push("lossy", "b")
	tell(t, says, text)
	hear(t, hears, text)
}

func TestASeedLosesTheSameMessagesAgain(t *testing.T) {
	heard := func(seed uint64) string {
		says, hears := publisher(t, proxy.Losses{Seed: seed, Swallow: 0.3, Double: 0.3})
		var all strings.Builder
		for i := range 100 {
			all.WriteString(push("lossy", fmt.Sprint(i)))
		}
		tell(t, says, all.String())
		says.Close()
		got, err := io.ReadAll(hears)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(got), ">3"); n < 70 || n > 130 || string(got) == all.String() {
			t.Errorf("of 100 messages %d came", n)
		}
		return string(got)
	}
	if heard(1) != heard(1) {
		t.Error("the same seed lost others")
	}
	if heard(1) == heard(2) {
		t.Error("another seed lost the same")
	}
}
