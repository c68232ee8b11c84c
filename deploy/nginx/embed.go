// Package nginx holds the shipped nginx configurations, so that the programs that start a cluster of their
// own run what is shipped.
package nginx

import "embed"

// Files are ip_hash.conf and least_conn.conf.
//
//go:embed *.conf
var Files embed.FS
