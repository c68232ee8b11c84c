package chaos

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chaos/cluster"
	"github.com/parley-chat/parley/internal/check"
)

const (
	// feelEvery is how often each node is asked how it is.
	feelEvery = 50 * time.Millisecond
	// feelWithin is how long the answer may take: a node whose health waits for something is not well.
	feelWithin = time.Second
)

// sign is what a node said of one of its parts, until the next one.
type sign struct {
	at   time.Duration
	node int
	part string
	word string // "ok", or what it is instead
}

// signs are what the nodes said on /health/ready, which is what an operator or a balancer sees of a failure.
type signs struct {
	recorder *check.Recorder
	nodes    []*cluster.Node
	client   *http.Client

	mu   sync.Mutex
	last []map[string]string
	all  []sign

	stop   context.CancelFunc
	asking sync.WaitGroup
}

// watchSigns asks every node until [signs.end].
func watchSigns(ctx context.Context, recorder *check.Recorder, nodes []*cluster.Node) *signs {
	s := &signs{recorder: recorder, nodes: nodes, client: &http.Client{Timeout: feelWithin}, last: make([]map[string]string, len(nodes))}
	ctx, s.stop = context.WithCancel(ctx)
	for i := range nodes {
		s.last[i] = map[string]string{}
		s.asking.Go(func() {
			for s.ask(ctx, i); pause(ctx, feelEvery); {
				s.ask(ctx, i)
			}
		})
	}
	return s
}

func (s *signs) end() {
	s.stop()
	s.asking.Wait()
	s.client.CloseIdleConnections()
}

func (s *signs) ask(ctx context.Context, node int) {
	var said struct {
		Checks map[string]string `json:"checks"`
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.nodes[node].URL()+"/health/ready", nil)
	if err == nil {
		var answer *http.Response
		if answer, err = s.client.Do(r); err == nil {
			err = json.NewDecoder(answer.Body).Decode(&said)
			answer.Body.Close()
		}
	}
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(node, "node", map[bool]string{true: "ok", false: "silent"}[err == nil])
	for part, word := range said.Checks {
		s.note(node, part, word)
	}
	for part := range s.last[node] {
		// Some parts are told of only while they are not well.
		if _, told := said.Checks[part]; !told && part != "node" && err == nil {
			s.note(node, part, "ok")
		}
	}
}

// note keeps what is new. The lock is held.
func (s *signs) note(node int, part, word string) {
	before, known := s.last[node][part]
	if !known {
		before = "ok"
	}
	if s.last[node][part] = word; word != before {
		s.all = append(s.all, sign{s.recorder.Now(), node, part, word})
	}
}

// told is how long after some time the first node, and the last one, said that a part is not well; 0 for none, and for not all.
func (s *signs) told(part string, since time.Duration) (first, all time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	nodes := map[int]bool{}
	for _, one := range s.all {
		if one.at < since || one.part != part || one.word == "ok" || nodes[one.node] {
			continue
		}
		if nodes[one.node] = true; first == 0 {
			first = one.at - since
		}
		if len(nodes) == len(s.nodes) {
			all = one.at - since
		}
	}
	return first, all
}

// well reports whether all nodes say that all is well.
func (s *signs) well() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, parts := range s.last {
		for _, word := range parts {
			if word != "ok" {
				return false
			}
		}
	}
	return true
}
