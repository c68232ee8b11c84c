package app

import "github.com/parley-chat/parley/internal/obs"

// MetricsAddress is where /metrics is served, "" when it is not.
func (n *Node) MetricsAddress() string {
	if n.metricsListener == nil {
		return ""
	}
	return n.metricsListener.Addr().String()
}

// Metrics are what the node counts.
func (n *Node) Metrics() *obs.Metrics { return n.metrics }
