package chaos

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/parley-chat/parley/internal/chaos/cluster"
)

// consoleHelp says what one may type while a cluster runs.
const consoleHelp = `Type what is to happen, such as "kill node1" and "start node1":
  kill | drain | freeze | thaw | start  and a node, or Redis (which cannot drain)`

// console does to a cluster what somebody types, until there is nothing more to read.
type console struct {
	cluster *cluster.Cluster
	out     io.Writer
}

func (c *console) run(ctx context.Context, in io.Reader) {
	for lines := bufio.NewScanner(in); lines.Scan() && ctx.Err() == nil; {
		if words := strings.Fields(lines.Text()); len(words) > 0 {
			c.do(ctx, words)
		}
	}
}

// do does one thing and says how it went.
func (c *console) do(ctx context.Context, words []string) {
	var known bool
	var err error
	if len(words) == 2 {
		known, err = c.toRedis(words[0], words[1])
		for _, n := range c.cluster.Nodes {
			if strings.EqualFold(n.Name, words[1]) {
				known, err = toNode(ctx, n, words[0])
			}
		}
	}
	switch {
	case !known:
		fmt.Fprintln(c.out, consoleHelp)
	case err != nil:
		fmt.Fprintln(c.out, err)
	default:
		fmt.Fprintln(c.out, "done")
	}
}

func toNode(ctx context.Context, n *cluster.Node, verb string) (known bool, err error) {
	act, known := map[string]func() error{
		"kill":   func() error { n.Kill(); return nil },
		"drain":  n.Drain,
		"freeze": func() error { n.Freeze(); return nil },
		"thaw":   func() error { n.Thaw(); return nil },
		"start":  func() error { return n.Start(ctx) },
	}[verb]
	if !known {
		return false, nil
	}
	if err := inTheWay(n, verb); err != nil {
		return true, err
	}
	return true, act()
}

// inTheWay says why nothing would come of what is to be done to a node, however long one waits.
func inTheWay(n *cluster.Node, verb string) error {
	switch running := n.Running(); {
	case verb != "start" && !running:
		return fmt.Errorf("%s does not run; start it", n.Name)
	case running && n.Frozen() && (verb == "start" || verb == "drain"):
		return fmt.Errorf("%s is frozen; thaw it, or kill it", n.Name)
	}
	return nil
}

func (c *console) toRedis(verb, name string) (known bool, err error) {
	if c.cluster.Redis == nil || !strings.EqualFold(name, "redis") {
		return false, nil
	}
	switch verb {
	case "kill":
		c.cluster.Redis.Kill()
	case "freeze":
		c.cluster.Redis.Freeze()
	case "thaw":
		c.cluster.Redis.Thaw()
	case "start":
		err = c.cluster.Redis.Restart()
	default:
		return false, nil
	}
	return true, err
}
