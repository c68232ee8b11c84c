package demo

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// line is a message of the demo.
type line struct{ sender, text string }

// conversation is one of the demo's: direct when it has no title. The first of its people makes it.
type conversation struct {
	title  string
	people []string
	lines  []line // nil for the long talk
	// read names who has read all of it; the others see it unread.
	read []string
}

// long is how many messages the long talk has.
const long = 10_000

// conversations are in order of activity: the last one stands first in the list.
var conversations = []conversation{
	{"Ten thousand messages", []string{"alice", "bob", "carla", "deniz", "emi", "farid"}, nil, []string{"alice", "bob"}},
	{"", []string{"bob", "carla"}, script(
		"carla: Is the projector still at your place?",
		"bob: Yes, I bring it on Thursday.",
	), []string{"bob", "carla"}},
	{"Book club", []string{"carla", "alice", "emi", "farid"}, script(
		"carla: Next up: \"The Left Hand of Darkness\". Who has read it already?",
		"emi: Half of it. No spoilers please 🙏",
		"farid: Twice. I will be quiet.",
		"alice: Ordered. The 14th at my place?",
		"carla: The 14th is fine.",
	), []string{"alice", "carla"}},
	{"", []string{"alice", "deniz"}, script(
		"deniz: The invoice is paid, thank you!",
		"alice: Great. Same time next month?",
		"deniz: Same time. Have a good weekend!",
	), []string{"alice", "deniz"}},
	{"", []string{"alice", "echo"}, script(
		"echo: Hello! I answer everything you write here. Watch the ticks, and me typing.",
	), nil},
	{"", []string{"bob", "echo"}, script(
		"echo: Hello! I answer everything you write here. Watch the ticks, and me typing.",
	), nil},
	{"Weekend hike", []string{"alice", "bob", "carla", "deniz"}, script(
		"alice: Saturday looks dry. Who is in?",
		"bob: In! I drive, room for three.",
		"carla: In. I bring the stove.",
		"deniz: Can we start a little later than last time, say nine?",
		"bob: Nine it is. I pick you up in this order:\n1. Carla\n2. Deniz\n3. Alice",
		"carla: 👍",
		"deniz: Long way or short way?",
	), []string{"bob"}},
	{"", []string{"alice", "bob"}, script(
		"bob: Hi Alice! I am in the other window.",
		"alice: Hi Bob! Write something there and watch it arrive here.",
		"bob: Then stop the server in the middle and send one more: it goes out when the server is back.",
	), []string{"bob"}},
}

// script reads lines of the form "who: what".
func script(texts ...string) []line {
	lines := make([]line, len(texts))
	for i, text := range texts {
		lines[i].sender, lines[i].text, _ = strings.Cut(text, ": ")
	}
	return lines
}

var phrases = []string{
	"Good morning!", "On my way.", "Sounds good to me.", "Can you send me the link?", "https://example.com/plan#friday",
	"I would rather wait until everybody has answered, there is no hurry and we may learn something from it.",
	"Done ✅", "😂", "Who has the key?", "Not today, tomorrow after lunch perhaps.", "Yes", "No idea, sorry.",
	"Three things:\n- the room\n- the cake\n- somebody who brings a guitar", "Merhaba!", "¿Qué tal?", "おはよう", "שלום", "I'm late, start without me.",
	"Remind me next week, please.", "That was the best soup I ever had. The recipe is from my grandmother: onions, more onions, a little patience, and bread from the day before.",
}

// longTalk has n lines of all lengths, the same at every start.
func longTalk(n int) []line {
	random := rand.New(rand.NewPCG(7, 7))
	lines := make([]line, 0, n)
	speaker := people[0]
	for i := range n {
		// Two of three lines come from somebody else than the one before, so that there are runs too.
		if random.IntN(3) > 0 {
			speaker = people[random.IntN(len(people))]
		}
		text := phrases[random.IntN(len(phrases))]
		if (i+1)%100 == 0 {
			text = fmt.Sprintf("This is message number %d.", i+1)
		}
		lines = append(lines, line{speaker.username, text})
	}
	return lines
}
