package check

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
)

// line is one line of a history's file: exactly one member is set.
type line struct {
	Run          *Run                `json:"run,omitempty"`
	Did          *Operation          `json:"did,omitempty"`
	Saw          *Observation        `json:"saw,omitempty"`
	Fault        *Fault              `json:"fault,omitempty"`
	Conversation *StoredConversation `json:"conversation,omitempty"`
	Participant  *StoredParticipant  `json:"participant,omitempty"`
	Message      *StoredMessage      `json:"message,omitempty"`
}

// Write writes the history as lines of JSON: the run, the faults, what was done and seen in the order of
// serial numbers, and what was stored.
func (h *History) Write(to io.Writer) error {
	buffered := bufio.NewWriterSize(to, 1<<20)
	out := json.NewEncoder(buffered)
	err := out.Encode(line{Run: &h.Run})
	for i := 0; i < len(h.Faults) && err == nil; i++ {
		err = out.Encode(line{Fault: &h.Faults[i]})
	}
	for d, s := 0, 0; (d < len(h.Operations) || s < len(h.Observations)) && err == nil; {
		if s == len(h.Observations) || d < len(h.Operations) && h.Operations[d].Returned < h.Observations[s].Serial {
			err = out.Encode(line{Did: &h.Operations[d]})
			d++
		} else {
			err = out.Encode(line{Saw: &h.Observations[s]})
			s++
		}
	}
	if err == nil && h.Database != nil {
		err = h.Database.write(out)
	}
	if err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	return buffered.Flush()
}

func (d *Database) write(out *json.Encoder) error {
	for i := range d.Conversations {
		if err := out.Encode(line{Conversation: &d.Conversations[i]}); err != nil {
			return err
		}
	}
	for i := range d.Participants {
		if err := out.Encode(line{Participant: &d.Participants[i]}); err != nil {
			return err
		}
	}
	for i := range d.Messages {
		if err := out.Encode(line{Message: &d.Messages[i]}); err != nil {
			return err
		}
	}
	return nil
}

// Read reads what [History.Write] wrote.
func Read(from io.Reader) (*History, error) {
	h, words := &History{}, newInterner()
	in := json.NewDecoder(bufio.NewReaderSize(from, 1<<20))
	for n := 1; ; n++ {
		var l line
		if err := in.Decode(&l); err == io.EOF {
			return h, nil
		} else if err != nil {
			return nil, fmt.Errorf("line %d of the history: %w", n, err)
		}
		h.add(&l, words)
	}
}

func (h *History) add(l *line, words interner) {
	if l.Conversation != nil || l.Participant != nil || l.Message != nil {
		if h.Database == nil {
			h.Database = &Database{}
		}
	}
	switch {
	case l.Run != nil:
		h.Run = *l.Run
	case l.Did != nil:
		words.operation(l.Did)
		h.Operations = append(h.Operations, *l.Did)
	case l.Saw != nil:
		words.observation(l.Saw)
		h.Observations = append(h.Observations, *l.Saw)
	case l.Fault != nil:
		h.Faults = append(h.Faults, *l.Fault)
	case l.Conversation != nil:
		h.Database.Conversations = append(h.Database.Conversations, *l.Conversation)
	case l.Participant != nil:
		h.Database.Participants = append(h.Database.Participants, *l.Participant)
	case l.Message != nil:
		h.Database.Messages = append(h.Database.Messages, *l.Message)
	}
}
