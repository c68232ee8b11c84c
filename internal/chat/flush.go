package chat

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// flushEvery is how often steps are written (C6.3).
	flushEvery = 10 * time.Second
	// ackEvery is how often acknowledged deliveries are written, if there are any.
	ackEvery = time.Second
	// flushLease is how long a flusher has for what it took; then another may take it.
	flushLease = 30 * time.Second
	// flushAtOnce is the most steps in one transaction.
	flushAtOnce = 1000
	// mostAgain is how many of them may fail before the next ones are left to the next round: then it is not they that are
	// to blame, and their tries would be used up at once.
	mostAgain = flushAtOnce / 10
	// maxStepTries is how often a step is tried before it is buried (C6.4).
	maxStepTries = 5
)

// FlushReport is what an operator may know of one flush.
type FlushReport struct {
	Written int
	Again   int      // could not be written and go back to the queue
	Buried  []Buried // could not be written in five tries
	Waiting int      // in the queue after it, of all nodes; -1 when it cannot be asked
	Trace   Trace
	Took    time.Duration
	Err     error // the store or the queue is away
}

// flushing writes what waits every 10 seconds, acknowledged deliveries every second, and all of it once more when ctx
// has ended.
func (s *Service) flushing(ctx context.Context) {
	ticker, acks := time.NewTicker(flushEvery), time.NewTicker(ackEvery)
	defer ticker.Stop()
	defer acks.Stop()
	for {
		select {
		case <-ticker.C:
			s.turn(ctx, s.Flush)
		case <-acks.C:
			s.flushAcks(ctx, false)
		case <-s.flushSoon:
			s.turn(ctx, s.Flush)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), gatherWithin)
			defer cancel()
			s.flushAcks(last, true)
			s.turn(last, s.Flush)
			return
		}
	}
}

// turn survives one flush that fails by a fault; what it had claimed is claimed again when its lease has run out.
func (s *Service) turn(ctx context.Context, flush func(context.Context)) {
	_ = s.survive(func() error {
		flush(ctx)
		return nil
	})
}

// FlushSoon has what waits written now and not only at the next turn. It does not wait.
func (s *Service) FlushSoon() {
	select {
	case s.flushSoon <- struct{}{}:
	default:
	}
}

// Flush writes acknowledged deliveries and the steps that wait, as [Service.Run] does by itself every 10 seconds.
// Several nodes may do so at once.
func (s *Service) Flush(ctx context.Context) {
	began := time.Now()
	var trace Trace
	if s.cfg.Begin != nil {
		trace = s.cfg.Begin()
		ctx = WithTrace(ctx, trace)
	}
	s.flushAcks(ctx, false)
	report, touched := s.flushSteps(ctx)
	for _, c := range touched {
		// What the store has now is the truth for those who count ahead of it.
		if err := s.seed(ctx, c, false); err != nil {
			s.gathering.bypassed(c)
		}
		s.gathering.count(c)
	}
	if s.cfg.Flushed == nil {
		return
	}
	report.Trace, report.Took = trace, time.Since(began)
	var err error
	if report.Waiting, err = s.cfg.Readers.Waiting(ctx); err != nil {
		report.Waiting = -1
	}
	s.cfg.Flushed(report)
}

// flushAcks writes how far devices were when this second began, or are, so that who comes later is shown it.
func (s *Service) flushAcks(ctx context.Context, all bool) {
	acks := s.acks.take(all)
	if len(acks) == 0 {
		return
	}
	if s.survive(func() error { return s.store.AdvanceDelivered(ctx, acks) }) != nil {
		s.acks.giveBack(acks)
	}
}

func (s *Service) flushSteps(ctx context.Context) (report FlushReport, touched []ConversationID) {
	for {
		claim, err := s.cfg.Readers.Claim(ctx, flushAtOnce, flushLease)
		if err != nil || len(claim.Steps) == 0 {
			report.Err = err
			return report, touched
		}
		failed, err := writeSome(ctx, steady{s.store, s}, claim.Steps, time.Now().Add(flushLease/2))
		report.Err = err
		again := s.buryWorst(ctx, failed, &report)
		report.Again += len(again)
		if !claim.Known {
			report.Written += len(claim.Steps) - len(failed)
			touched = appendConversations(touched, claim.Steps)
		}
		settled := s.cfg.Readers.Settle(ctx, claim.ID, again)
		if claim.Known && err == nil && settled == nil {
			continue
		}
		if err != nil || settled != nil || len(again) > mostAgain || len(again) > 0 && len(claim.Steps) < flushAtOnce {
			// What is left is for the next round: its lease runs out, or it is at the queue's end.
			report.Err = cmp.Or(err, settled)
			return report, touched
		}
	}
}

func appendConversations(to []ConversationID, of []Step) []ConversationID {
	for _, step := range of {
		if !slices.Contains(to, step.Conversation) {
			to = append(to, step.Conversation)
		}
	}
	return to
}

// unwritten is a step that could not be written, and why.
type unwritten struct {
	Step
	why error
}

// writeSome writes steps together, and in ever smaller parts when that fails, so that one that cannot be written holds up
// no other. The error says that the store is away; then no step is to blame, and all that is not written is returned.
// Rows that somebody keeps locked are as good as that, but until the time given, they are written around: each costs some
// waiting.
func writeSome(ctx context.Context, store ReceiptStore, steps []Step, around time.Time) (failed []unwritten, err error) {
	err = store.WriteSteps(ctx, steps)
	if err == nil {
		return nil, nil
	}
	e := AsError(err)
	locked := e.Reason == ReasonLocked && time.Now().Before(around)
	switch {
	case ctx.Err() != nil || e.Code != CodeInternal && e.Code.Info().Retryable() && !locked:
		return allOf(steps, err), err
	case len(steps) == 1:
		one := steps[0]
		if !locked {
			one.Tries++
		}
		return []unwritten{{one, err}}, nil
	}
	half := len(steps) / 2
	if failed, err = writeSome(ctx, store, steps[:half], around); err != nil {
		return append(failed, allOf(steps[half:], err)...), err
	}
	more, err := writeSome(ctx, store, steps[half:], around)
	return append(failed, more...), err
}

func allOf(steps []Step, why error) []unwritten {
	out := make([]unwritten, len(steps))
	for i, step := range steps {
		out[i] = unwritten{step, why}
	}
	return out
}

// buryWorst lays aside what was tried often enough and returns the rest.
func (s *Service) buryWorst(ctx context.Context, failed []unwritten, report *FlushReport) (again []Step) {
	for _, step := range failed {
		// While the store is away none is to blame, however often it was tried before.
		if report.Err == nil && step.Tries >= maxStepTries && s.store.BuryStep(ctx, step.Step, step.reason()) == nil {
			report.Buried = append(report.Buried, Buried{step.Step, step.reason(), time.Now().UTC()})
			continue
		}
		again = append(again, step.Step)
	}
	return again
}

// maxReason bounds the reason that is kept with a step, in bytes.
const maxReason = 300

// reason is why it could not be written, in one line.
func (u *unwritten) reason() string {
	line, _, _ := strings.Cut(u.why.Error(), "\n")
	return strings.ToValidUTF8(line[:min(len(line), maxReason)], "")
}

// waitingOf writes the steps of a person that wait, and returns them: when that fails the store is behind by them.
func (s *Service) waitingOf(ctx context.Context, u UserID) []Step {
	// When it cannot be asked the next reading tells what waits.
	steps, _ := s.cfg.Readers.Pending(ctx, []UserID{u})
	if len(steps) > 0 {
		_, _ = writeSome(ctx, s.store, steps, time.Time{})
	}
	return steps
}

// errNoGround says that the store does not tell where people are, or is behind what is known to wait.
var errNoGround = errors.New("the store does not tell where people are")

// writeWaiting writes the steps of some people that wait, so that the store says where they are. The error is errNoGround where
// the store did not take them, and another one where some may wait that are not known.
func (s *Service) writeWaiting(ctx context.Context, users ...UserID) error {
	if len(users) == 0 {
		return nil
	}
	steps, err := s.cfg.Readers.Pending(ctx, users)
	if len(steps) == 0 {
		return err
	}
	// One that cannot be written is the flusher's to try and to bury; here it is in nobody's way.
	if _, away := writeSome(ctx, s.store, steps, time.Time{}); away != nil {
		return fmt.Errorf("%w: %w", errNoGround, away)
	}
	return err
}
