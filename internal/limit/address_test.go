package limit_test

import (
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/parley-chat/parley/internal/limit"
)

func TestAForwardedAddressIsBelievedFromTrustedProxiesOnly(t *testing.T) {
	for _, tc := range []struct {
		name      string
		trusted   []string
		peer      string
		forwarded []string
		want      string
	}{
		{"nobody is trusted", nil, "192.0.2.7:5000", []string{"198.51.100.1"}, "192.0.2.7"},
		{"the peer is not the proxy", []string{"10.0.0.0/8"}, "192.0.2.7:5000", []string{"198.51.100.1"}, "192.0.2.7"},
		{"the proxy names the client", []string{"10.0.0.0/8"}, "10.1.2.3:5000", []string{"198.51.100.1"}, "198.51.100.1"},
		{"what the client wrote itself stands left", []string{"10.0.0.0/8"}, "10.1.2.3:5000", []string{"1.1.1.1, 198.51.100.1"}, "198.51.100.1"},
		{"two proxies in a row", []string{"10.0.0.0/8"}, "10.1.2.3:5000", []string{"1.1.1.1, 198.51.100.1, 10.9.9.9"}, "198.51.100.1"},
		{"the header comes twice", []string{"10.0.0.0/8"}, "10.1.2.3:5000", []string{"1.1.1.1", "198.51.100.1"}, "198.51.100.1"},
		{"the proxy says nothing", []string{"10.0.0.0/8"}, "10.1.2.3:5000", nil, "10.1.2.3"},
		{"the proxy says rubbish", []string{"10.0.0.0/8"}, "10.1.2.3:5000", []string{"1.1.1.1, rubbish"}, "10.1.2.3"},
		{"a single trusted address", []string{"10.1.2.3"}, "10.1.2.3:5000", []string{"198.51.100.1"}, "198.51.100.1"},
		{"an IPv4 peer on an IPv6 socket", []string{"10.0.0.0/8"}, "[::ffff:10.1.2.3]:5000", []string{"2001:db8::1"}, "2001:db8::1"},
		{"a Unix socket", nil, "@", []string{"198.51.100.1"}, "invalid IP"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			addresses, err := limit.TrustProxies(tc.trusted)
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = tc.peer
			for _, value := range tc.forwarded {
				r.Header.Add("X-Forwarded-For", value)
			}
			if got := addresses.Of(r).String(); got != tc.want {
				t.Errorf("the client is %s, want %s", got, tc.want)
			}
		})
	}
}

func TestABrokenListOfProxiesIsAnError(t *testing.T) {
	if _, err := limit.TrustProxies([]string{"10.0.0.0/99"}); err == nil {
		t.Error("10.0.0.0/99 was accepted")
	}
}

func TestIPv6AddressesOfOneHouseholdAreCountedTogether(t *testing.T) {
	one, other := netip.MustParseAddr("2001:db8:1:2::1"), netip.MustParseAddr("2001:db8:1:2:ffff::9")
	if limit.AddressKey(one) != limit.AddressKey(other) {
		t.Errorf("%s and %s are counted apart", one, other)
	}
	next := netip.MustParseAddr("2001:db8:1:3::1")
	if limit.AddressKey(one) == limit.AddressKey(next) {
		t.Errorf("%s and %s are counted together", one, next)
	}
	if got := limit.AddressKey(netip.MustParseAddr("192.0.2.1")); got != "192.0.2.1" {
		t.Errorf("an IPv4 address is counted under %s", got)
	}
}
