package chat_test

import (
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

func TestAnAnnouncementHasOneToFourThousandCharacters(t *testing.T) {
	for _, good := range []string{"x", strings.Repeat("😀", 4000)} {
		if err := chat.CheckAnnouncement(good); err != nil {
			t.Errorf("%.10q: %v", good, err)
		}
	}
	for name, bad := range map[string]string{
		"empty": "", "white space": " \n", "too long": strings.Repeat("x", 4001), "NUL": "a\x00b", "UTF-8": "a\xff",
	} {
		e := chat.AsError(chat.CheckAnnouncement(bad))
		if e.Code != chat.CodeValidation || e.Field != "text" || !strings.Contains(e.Message, "announcement") {
			t.Errorf("%s: %v", name, e)
		}
	}
}
