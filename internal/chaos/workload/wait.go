package workload

import (
	"time"

	"github.com/parley-chat/parley/client"
)

// Wait is how somebody fared who wrote something and wanted it sent.
type Wait struct {
	Client   string
	From, To time.Duration // of the recorder's clock
	// Confirmed says that it was sent. What was given up or refused would be shown as failed.
	Confirmed bool
	Code      string // of the last error, when it was not confirmed
	// Steady says that nobody could be taken out of the conversation meanwhile, so that no refusal is right.
	Steady bool
}

// waited notes how a draft fared.
func (p *person) waited(r *room, from time.Duration, err error) {
	w := Wait{
		Client: p.Actor().Client, From: from, To: p.w.cfg.Recorder.Now(), Confirmed: err == nil, Code: client.CodeOf(err),
		Steady: r.kind != moving && r.kind != brief,
	}
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.w.waits = append(p.w.waits, w)
}

// Waits are how everybody fared.
func (w *Workload) Waits() []Wait {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.waits
}
