package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-isatty"

	"github.com/parley-chat/parley/internal/config"
)

// service is the seed's name for this program in logs (DOC-008).
const service = "chat-api"

// serverID is the member that names the node beside the service. It is given to a log ([slog.Logger.With]) and not to an entry.
const serverID = "serverId"

// NewLog returns the log that the settings ask for, writing to w. As JSON an entry has the seed's shape
// (DOC-008): timestamp, level, service, serverId of a node's own, traceId where there is one, event and data. The event is the
// attribute of that name, with the entry's message in data, or else the message itself. The attribute
// traceId stands beside it, unless it is empty, all others in data. Of an event that comes often only so many entries a
// second are logged (log_sample), and once a second how many were left out, as log.sampled.
func NewLog(c *config.Config, w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	h := &logHandler{level: level, about: []slog.Attr{slog.String("service", service)}, sampler: newSampler(c.LogSample)}
	h.writer, _ = w.(*LogWriter)
	if c.LogFormat == "text" || c.LogFormat == "auto" && isTerminal(w) {
		h.out = &peopleLog{w: w}
	} else {
		h.out = slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: seedNames})
	}
	return slog.New(h)
}

func isTerminal(w io.Writer) bool {
	if l, waits := w.(*LogWriter); waits {
		w = l.to
	}
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// seedNames gives slog's own members the seed's names.
func seedNames(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.TimeKey:
		return slog.String("timestamp", a.Value.Time().UTC().Format("2006-01-02T15:04:05.000Z"))
	case slog.LevelKey:
		return slog.String("level", strings.ToLower(a.Value.String()))
	case slog.MessageKey:
		return slog.Attr{Key: "event", Value: a.Value}
	}
	return a
}

// logHandler sorts attributes into the seed's shape and hands the entry on.
type logHandler struct {
	level slog.Level
	out   slog.Handler
	attrs []slog.Attr
	about []slog.Attr // the service, and the node where it is known
	// All that come of one log share these.
	sampler *sampler
	writer  *LogWriter // nil when it is written at once
	group   string     // names of open groups, each with a dot behind it
}

func (h *logHandler) Enabled(ctx context.Context, l slog.Level) bool {
	if l < h.level {
		return false
	}
	event, asked := eventOf(ctx)
	return !asked || h.sampler.admit(event, l)
}

func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
	event := r.Message
	var beside []slog.Attr
	var data []any
	add := func(a slog.Attr) {
		switch a.Key {
		case "event":
			event, data = a.Value.String(), append([]any{slog.String("message", r.Message)}, data...)
		case "traceId":
			if a.Value.String() != "" {
				beside = append(beside, a)
			}
		default:
			data = append(data, a)
		}
	}
	for _, a := range h.attrs {
		add(a)
	}
	r.Attrs(func(a slog.Attr) bool {
		a.Key = h.group + a.Key
		add(a)
		return true
	})
	if _, asked := eventOf(ctx); !asked && !h.sampler.admit(event, r.Level) {
		return nil
	}
	for of, leftOut := range h.sampler.toSay() {
		said := slog.NewRecord(r.Time, slog.LevelInfo, "log.sampled", 0)
		said.AddAttrs(h.about...)
		said.AddAttrs(slog.Group("data", "of", of, "leftOut", leftOut))
		if err := h.out.Handle(ctx, said); err != nil {
			return err
		}
	}
	entry := slog.NewRecord(r.Time, r.Level, event, 0)
	entry.AddAttrs(h.about...)
	entry.AddAttrs(beside...)
	if len(data) > 0 {
		entry.AddAttrs(slog.Group("data", data...))
	}
	return h.out.Handle(ctx, entry)
}

func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	out := *h
	out.attrs = append([]slog.Attr(nil), h.attrs...)
	for _, a := range attrs {
		a.Key = h.group + a.Key
		if a.Key == serverID {
			out.about = append(slices.Clip(out.about), a)
			continue
		}
		out.attrs = append(out.attrs, a)
	}
	return &out
}

func (h *logHandler) WithGroup(name string) slog.Handler {
	out := *h
	out.group += name + "."
	return &out
}

// peopleLog writes one line an entry: the time of day, the level where it is not info, the event and
// what belongs to it.
type peopleLog struct {
	mu sync.Mutex
	w  io.Writer
}

func (p *peopleLog) Enabled(context.Context, slog.Level) bool { return true }

func (p *peopleLog) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Time.Format(time.TimeOnly))
	if r.Level != slog.LevelInfo {
		b.WriteString(" " + r.Level.String())
	}
	b.WriteString(" " + r.Message)
	r.Attrs(func(a slog.Attr) bool {
		switch {
		case a.Key == "service", a.Key == serverID:
		case a.Value.Kind() == slog.KindGroup:
			for _, member := range a.Value.Group() {
				b.WriteString(pair(member))
			}
		default:
			b.WriteString(pair(a))
		}
		return true
	})
	b.WriteByte('\n')
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err := io.WriteString(p.w, b.String())
	return err
}

func pair(a slog.Attr) string {
	text := fmt.Sprint(a.Value.Resolve().Any())
	if strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c == '"' || c == '=' || !strconv.IsPrint(c) }) || text == "" {
		text = strconv.Quote(text)
	}
	return " " + a.Key + "=" + text
}

func (p *peopleLog) WithAttrs([]slog.Attr) slog.Handler { return p }
func (p *peopleLog) WithGroup(string) slog.Handler      { return p }
