package check

// superseded reports whether what changed at rev had, or may have, changed again before a serial number. A
// rev that nobody ever saw was.
func (c *conversation) superseded(rev, serial int64) bool {
	s, known := c.states[rev]
	if !known {
		return true
	}
	if s.message == nil {
		return c.lastRoster > rev
	}
	for _, later := range s.message.revs {
		if later > rev && c.begun(s.message, later) < serial {
			return true
		}
	}
	return false
}

// begun is the serial number before which a message's change to a later rev cannot have happened: that of
// the edit that was confirmed with this rev, or else of the first operation that may have been it.
func (c *conversation) begun(m *message, rev int64) int64 {
	var first int64
	note := func(o *Operation) {
		if first == 0 || o.Called < first {
			first = o.Called
		}
	}
	for _, o := range m.edits {
		if o.Rev == rev {
			return o.Called
		}
		if o.Rev == 0 {
			note(o)
		}
	}
	for _, o := range m.dels {
		note(o)
	}
	return first
}
