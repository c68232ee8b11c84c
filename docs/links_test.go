package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	anyLink     = regexp.MustCompile(`(?:\]\(|\b(?:src|srcset|href)=")([^)"\s]+)[)"]`)
	codeSpan    = regexp.MustCompile("`[^`]*`")
	notInAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

func TestEveryRelativeLinkLeadsSomewhere(t *testing.T) {
	var pages []string
	for _, pattern := range []string{"*.md", "*/*.md", "../*.md", "../*/README.md", "../*/*/README.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	for _, name := range pages {
		if strings.Contains(name, "node_modules") {
			continue
		}
		text, _ := prose(page(t, name))
		for _, match := range anyLink.FindAllStringSubmatch(codeSpan.ReplaceAllString(text, ""), -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, ":") {
				continue
			}
			to := filepath.Join(filepath.Dir(name), target)
			if target == "" {
				to = name
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: link to %s, which does not exist", name, match[1])
				continue
			}
			if anchor != "" && filepath.Ext(to) == ".md" {
				if _, anchors := prose(page(t, to)); !anchors[anchor] {
					t.Errorf("%s: link to %s, which has no such heading", name, match[1])
				}
			}
		}
	}
}

// prose returns a page without its code blocks, and the anchors of its headings as GitHub makes them.
func prose(text string) (without string, anchors map[string]bool) {
	var out strings.Builder
	anchors = make(map[string]bool)
	fenced := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
			continue
		}
		if fenced {
			continue
		}
		out.WriteString(line)
		if strings.HasPrefix(line, "#") {
			heading := strings.ToLower(strings.TrimSpace(strings.TrimLeft(line, "#")))
			anchors[strings.ReplaceAll(notInAnchor.ReplaceAllString(heading, ""), " ", "-")] = true
		}
	}
	return out.String(), anchors
}
