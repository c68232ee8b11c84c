package redisserver

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/port"
)

// slots is how many hash slots a Redis cluster has.
const slots = 16384

// Cluster is three primaries without replicas that share the hash slots.
type Cluster struct {
	Nodes []*Server
}

// StartCluster starts a cluster that is gone with this process, or when it is closed.
func StartCluster() (*Cluster, error) {
	c := &Cluster{}
	if err := c.launch(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) launch() error {
	const nodes = 3
	gossip := make([]int, nodes)
	for i := range nodes {
		var err error
		if gossip[i], err = port.Free(); err != nil {
			return err
		}
		node, err := Start("--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(gossip[i]), "--cluster-node-timeout", "2000")
		if err != nil {
			return err
		}
		c.Nodes = append(c.Nodes, node)
	}
	for i, node := range c.Nodes {
		first, last := i*slots/nodes, (i+1)*slots/nodes-1
		commands := [][]string{
			{"CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i + 1)},
			{"CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(first), strconv.Itoa(last)},
		}
		for j, other := range c.Nodes[:i] {
			host, port, _ := net.SplitHostPort(other.Address())
			commands = append(commands, []string{"CLUSTER", "MEET", host, port, strconv.Itoa(gossip[j])})
		}
		for _, command := range commands {
			if _, err := node.Do(command...); err != nil {
				return fmt.Errorf("%s: %w", strings.Join(command, " "), err)
			}
		}
	}
	return c.await()
}

// await returns when every node knows where every slot is.
func (c *Cluster) await() error {
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		ready := !slices.ContainsFunc(c.Nodes, func(node *Server) bool {
			info, err := node.Do("CLUSTER", "INFO")
			return err != nil || !strings.Contains(info, "cluster_state:ok") ||
				!strings.Contains(info, fmt.Sprintf("cluster_slots_ok:%d", slots))
		})
		if ready {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the nodes did not find each other within %s", patience)
		}
		<-tick.C
	}
}

// URL is how a client connects; it finds the other nodes by itself.
func (c *Cluster) URL() string {
	url := c.Nodes[0].URL()
	for i, node := range c.Nodes[1:] {
		separator := "&"
		if i == 0 {
			separator = "?"
		}
		url += separator + "addr=" + node.Address()
	}
	return url
}

// Close ends all nodes for good.
func (c *Cluster) Close() {
	for _, node := range c.Nodes {
		node.Close()
	}
}
