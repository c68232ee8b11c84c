package canary_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// forms are a word as it may be hidden in what is said.
func forms(word string) map[string]string {
	quoted, _ := json.Marshal(word) // a string has JSON
	out := map[string]string{
		"as it is": word, "in JSON": strings.Trim(string(quoted), `"`), "quoted": strings.Trim(fmt.Sprintf("%q", word), `"`), "in a URL": url.QueryEscape(word),
		"in hex": hex.EncodeToString([]byte(word)),
	}
	// What stands before it moves the groups of three that base64 makes of it.
	for i := range 3 {
		if rest := word[min(i, len(word)):]; len(rest) > 12 {
			whole := rest[:len(rest)/3*3]
			out[fmt.Sprint("in base64 from ", i)] = base64.StdEncoding.EncodeToString([]byte(whole))
			out[fmt.Sprint("in base64 for URLs from ", i)] = base64.URLEncoding.EncodeToString([]byte(whole))
		}
	}
	return out
}

// find says where a word is said, in whatever form.
func find(said map[string]string, word string) (places []string) {
	for where, text := range said {
		for how, form := range forms(word) {
			if i := strings.Index(strings.ToLower(text), strings.ToLower(form)); i >= 0 {
				places = append(places, fmt.Sprintf("%s, %s: …%.160q", where, how, text[max(0, i-100):]))
				break
			}
		}
	}
	return places
}

func TestTheSearchFindsAWordInEveryForm(t *testing.T) {
	const word = "canary-word \"of nobody's business\""
	for how, form := range forms(word) {
		if places := find(map[string]string{"here": "before " + form + " after"}, word); len(places) != 1 {
			t.Errorf("%s it is found %v", how, places)
		}
	}
	for before := range 3 {
		text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", before) + word + "y"))
		if places := find(map[string]string{"here": text}, word); len(places) != 1 {
			t.Errorf("%d before it, in base64, it is found %v", before, places)
		}
	}
	if places := find(map[string]string{"here": "nothing"}, word); len(places) != 0 {
		t.Errorf("it is found where it is not: %v", places)
	}
}
