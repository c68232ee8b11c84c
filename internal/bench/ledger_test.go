package bench

import "testing"

func TestALedgerKnowsWhatIsMissingDoubledAndOutOfOrder(t *testing.T) {
	var l ledger
	if l.upTo() > 0 {
		t.Errorf("an empty ledger is complete up to %d", l.upTo())
	}
	for seq := int64(1); seq <= 200; seq++ {
		if seq == 150 {
			continue
		}
		if err := l.event(seq, seq+1); err != nil {
			t.Fatal(err)
		}
	}
	if got := l.upTo(); got != 149 {
		t.Errorf("complete up to %d, want 149", got)
	}
	if err := l.note(150); err != nil {
		t.Error(err)
	}
	if got := l.upTo(); got != 200 {
		t.Errorf("complete up to %d, want 200", got)
	}
	if l.note(7) == nil {
		t.Error("a doubled message was taken")
	}
	if l.event(199, 300) == nil {
		t.Error("an event out of order was taken")
	}
}

func TestMembersAreReadByTheirPlace(t *testing.T) {
	text := []byte(`{"type":"message:received","message":{"id":"x","seq":42,"rev":43,"content":"\"seq\":7"}}`)
	if string(kindOf(text)) != "message:received" || member(text, "seq") != 42 || member(text, "rev") != 43 || member(text, "none") != 0 {
		t.Errorf("read %s %d %d", kindOf(text), member(text, "seq"), member(text, "rev"))
	}
	if n := numberOf([]byte(`{"type":"message:sent","clientMessageId":"k.17","seq":1}`)); n != 17 || len(hundred) != 100 {
		t.Errorf("the key's number is %d, the text has %d bytes", n, len(hundred))
	}
	if kindOf([]byte(`{}`)) != nil {
		t.Error("an object without a type has one")
	}
}
