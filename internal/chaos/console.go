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
			if n.Name == words[1] {
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
	switch verb {
	case "kill":
		n.Kill()
	case "drain":
		err = n.Drain()
	case "freeze":
		n.Freeze()
	case "thaw":
		n.Thaw()
	case "start":
		err = n.Start(ctx)
	default:
		return false, nil
	}
	return true, err
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
