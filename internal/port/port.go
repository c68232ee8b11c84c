// Package port finds ports of loopback for servers that tests and tools start, stop and start again.
package port

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
)

// lowest is the first port that is looked at; those below belong to services with a name.
const lowest = 10000

// Free returns a port of 127.0.0.1 that nobody listens on. It lies below the range from which the system
// takes the ports of outgoing connections: a server that is down finds its port again, however many
// connections are made meanwhile.
func Free() (int, error) {
	below := 32768
	if text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		if _, err := fmt.Sscan(string(text), &below); err != nil || below < lowest+1000 {
			below = 32768
		}
	}
	for range 100 {
		port := lowest + rand.IntN(below-lowest)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("no free port on 127.0.0.1")
}
