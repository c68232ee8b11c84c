package chaos_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chaos"
)

func TestTheClusterDoesWhatIsTyped(t *testing.T) {
	program, err := parley()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	typed, typing := io.Pipe()
	said, saying := io.Pipe()
	command := chaos.Command("test")
	command.SetArgs([]string{"cluster", "--parley", program, "--nodes", "2"})
	command.SetIn(typed)
	command.SetOut(saying)
	ended := make(chan error, 1)
	go func() {
		ended <- command.ExecuteContext(ctx)
		saying.Close()
	}()
	lines := bufio.NewScanner(said)
	await := func(want string) string {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), want) {
				return lines.Text()
			}
		}
		t.Fatalf("it never said %q", want)
		return ""
	}
	node := regexp.MustCompile(`http://[^ ,]+`).FindAllString(await("node2"), 2)
	await("Type what is to happen")
	await("kill | drain")
	alive := func() bool {
		answer, err := http.Get(node[0] + "/health/ready")
		if err != nil {
			return false
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	}
	if !alive() {
		t.Error("node2 is not ready")
	}
	for _, step := range []struct {
		typed, said string
		alive       bool
	}{
		{"kill node2", "done", false}, {"drain node2", "does not run", false}, {"start node2", "done", true}, {"drain node2", "done", false}, {"start node2", "done", true},
		{"kill redis", "done", true}, {"start redis", "done", true}, {"burn node2", "Type what is to happen", true}, {"kill node9", "Type what is to happen", true},
	} {
		fmt.Fprintln(typing, step.typed)
		await(step.said)
		if alive() != step.alive {
			t.Errorf("after %q node2 answers: %v", step.typed, !step.alive)
		}
	}
	for _, step := range [][2]string{
		{"freeze node2", "done"}, {"start node2", "is frozen"}, {"drain node2", "is frozen"}, {"kill Node2", "done"}, {"start node2", "done"},
	} {
		fmt.Fprintln(typing, step[0])
		await(step[1])
	}
	if answer, err := http.Get(node[1]); err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("metrics: %v, %v", answer, err)
	}
	stop()
	go func() {
		for lines.Scan() {
		}
	}()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
