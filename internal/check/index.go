package check

// index is a history with what several rules look up in it.
type index struct {
	h *History
	b Bounds
}

func newIndex(h *History, b Bounds) *index { return &index{h: h, b: b} }
