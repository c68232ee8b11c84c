package cluster

import (
	"strings"
	"testing"

	"github.com/parley-chat/parley/deploy/nginx"
)

func TestTheShippedConfigurationsServeTheseNodes(t *testing.T) {
	for _, balance := range []string{"ip_hash", "least_conn"} {
		text, err := nginx.Files.ReadFile(balance + ".conf")
		if err != nil {
			t.Fatal(err)
		}
		conf, err := localize(string(text), 8080, []*Node{{Port: 3001}, {Port: 3002}, {Port: 3003}})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{balance + ";", "listen 127.0.0.1:8080;", "server 127.0.0.1:3001 max_fails=0", "server 127.0.0.1:3003 max_fails=0"} {
			if strings.Count(conf, want) != 1 {
				t.Errorf("%s has %q %d times", balance, want, strings.Count(conf, want))
			}
		}
		if strings.Contains(conf, "ws1:3000") {
			t.Errorf("%s still names a shipped node", balance)
		}
	}
}
