package limit

import (
	"fmt"
	"net/http"
	"net/netip"

	"github.com/realclientip/realclientip-go"
)

// Addresses finds out where a request really comes from (C5.9).
type Addresses struct {
	trusted []netip.Prefix
	behind  realclientip.RightmostTrustedRangeStrategy
}

// TrustProxies makes Addresses that believe X-Forwarded-For only when the connection comes from one of
// the proxies named, each an address or a CIDR range. With none named the header is never read.
func TrustProxies(proxies []string) (*Addresses, error) {
	ranges, err := realclientip.AddressesAndRangesToIPNets(proxies...)
	if err != nil {
		return nil, fmt.Errorf("trusted proxies: %w", err)
	}
	a := &Addresses{}
	for _, r := range ranges {
		prefix, err := netip.ParsePrefix(r.String())
		if err != nil {
			return nil, fmt.Errorf("trusted proxies: %w", err)
		}
		a.trusted = append(a.trusted, prefix)
	}
	a.behind, err = realclientip.NewRightmostTrustedRangeStrategy("X-Forwarded-For", ranges)
	return a, err
}

// Of returns the client's address: the connection's own, or, when that is a trusted proxy, the
// rightmost address in X-Forwarded-For that is not one. What stands left of it can be invented by the
// client. A proxy that names nobody is the client itself. The zero Addr means a connection without an
// address, such as a Unix socket.
func (a *Addresses) Of(r *http.Request) netip.Addr {
	peer := parse(r.RemoteAddr)
	if !a.trusts(peer) {
		return peer
	}
	if client := parse(a.behind.ClientIP(r.Header, r.RemoteAddr)); client.IsValid() {
		return client
	}
	return peer
}

func (a *Addresses) trusts(peer netip.Addr) bool {
	for _, prefix := range a.trusted {
		if prefix.Contains(peer) {
			return true
		}
	}
	return false
}

func parse(address string) netip.Addr {
	if withPort, err := netip.ParseAddrPort(address); err == nil {
		return withPort.Addr().Unmap().WithZone("")
	}
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

// AddressKey is what a client address is counted under: an IPv4 address by itself, an IPv6 one by its
// /64, which is what one household gets.
func AddressKey(addr netip.Addr) string {
	if !addr.IsValid() {
		return "unknown"
	}
	if addr.Is4() {
		return addr.String()
	}
	prefix, err := addr.Prefix(64)
	if err != nil {
		return addr.String()
	}
	return prefix.String()
}
