package main

import (
	"strings"
	"testing"
)

func TestAnAnnouncementIsTakenFromTheCommandLineOrTheStandardInput(t *testing.T) {
	data := "--data=" + t.TempDir()
	for name, row := range map[string]struct{ text, stdin, want string }{
		"a text":                     {"The server restarts at 22:00.", "", ""},
		"the standard input":         {"-", "Two lines\nof text.\n", ""},
		"4,000 characters":           {strings.Repeat("€", 4000), "", ""},
		"as many from the input":     {"-", strings.Repeat("😀", 4000) + "\r\n", ""},
		"one more":                   {strings.Repeat("€", 4001), "", "longer than 4000"},
		"one more from the input":    {"-", strings.Repeat("😀", 4001), "longer than 4000"},
		"endlessly more":             {"-", strings.Repeat("a", 1<<20), "longer than 4000"},
		"nothing":                    {"", "", "is empty"},
		"nothing from the input":     {"-", "\n", "is empty"},
		"white space":                {" \t ", "", "only white space"},
		"what is no text":            {"-", "\xff\xfe", "UTF-8"},
		"a NUL, which nothing shows": {"-", "a\x00b", "NUL"},
	} {
		t.Run(name, func(t *testing.T) {
			out, problem := run(t, row.stdin, "announce", data, "--", row.text)
			if row.want == "" && (problem != "" || !strings.Contains(out, "Everybody who is connected")) {
				t.Errorf("%q, %q", out, problem)
			}
			if row.want != "" && !strings.Contains(problem, row.want) {
				t.Errorf("%q, want %q", problem, row.want)
			}
		})
	}
	for _, args := range [][]string{{"announce"}, {"announce", "two", "words"}} {
		if _, problem := run(t, "", args...); !strings.Contains(problem, "one text is needed, in quotes") {
			t.Errorf("%v: %q", args, problem)
		}
	}
}
