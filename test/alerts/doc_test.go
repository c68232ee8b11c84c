// Package alerts_test has a real Prometheus watch a cluster of real processes: it scrapes every metric, and the
// alerts of deploy/prometheus/alerts.yaml fire when people's sends are slowed or a node dies, and clear when all is
// well again.
package alerts_test
