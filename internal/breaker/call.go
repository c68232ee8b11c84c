package breaker

// Call is one call of the part.
type Call struct {
	breaker *Breaker
	term    *term
}

// End says what came of it: nil when the part answered, whatever it answered. It may be said of each step of a call. Nothing
// counts that is said of one that began before the state last changed.
func (c *Call) End(err error) {
	b := c.breaker
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case c.term != b.term:
	case err == nil:
		b.circuit.RecordSuccess()
	default:
		b.why = err
		b.circuit.RecordFailure()
	}
}
