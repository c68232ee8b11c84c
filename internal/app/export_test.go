package app

// MetricsAddress is where /metrics is served, "" when it is not.
func (n *Node) MetricsAddress() string {
	if n.metricsListener == nil {
		return ""
	}
	return n.metricsListener.Addr().String()
}
