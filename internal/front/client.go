package front

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// arrived is the request with the client's address as RemoteAddr.
func (d *door) arrived(r *http.Request) *http.Request {
	from := d.client(r)
	if !from.IsValid() {
		return r
	}
	out := *r
	out.RemoteAddr = netip.AddrPortFrom(from, 0).String()
	return &out
}

// ClientOf is the client's address of a request that has arrived.
func ClientOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// client is where the request comes from: the peer, or what the trusted proxies in a
// row from the peer on say that they were called by. Two headers that disagree say
// nothing: the client may have written one of them.
func (d *door) client(r *http.Request) netip.Addr {
	at := peer(r)
	if !d.trusted(at) {
		return at
	}
	plain := d.beyond(at, strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ","))
	standard := d.beyond(at, forwardedFor(r.Header.Values("Forwarded")))
	switch {
	case standard == at:
		return plain
	case plain == at, plain == standard:
		return standard
	}
	return at
}

// beyond goes back through hops, the last one first, as long as who says so is
// trusted.
func (d *door) beyond(at netip.Addr, hops []string) netip.Addr {
	for _, hop := range slices.Backward(hops) {
		next, ok := address(hop)
		if !ok || !d.trusted(at) {
			return at
		}
		at = next
	}
	return at
}

func (d *door) trusted(a netip.Addr) bool {
	return slices.ContainsFunc(d.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// peer is who is connected; the zero address if that is no IP address.
func peer(r *http.Request) netip.Addr {
	a, _ := address(r.RemoteAddr)
	return a
}

// address reads an address as headers have it: bare, in brackets, with a port.
func address(s string) (netip.Addr, bool) {
	s = strings.Trim(strings.TrimSpace(s), `"`)
	if host, _, err := net.SplitHostPort(s); err == nil {
		s = host
	}
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return a.Unmap().WithZone(""), err == nil
}

// forwardedFor are the "for" of the header Forwarded (RFC 7239), in their order.
func forwardedFor(values []string) []string {
	var out []string
	for element := range strings.SplitSeq(strings.Join(values, ","), ",") {
		hop := ""
		for pair := range strings.SplitSeq(element, ";") {
			name, value, _ := strings.Cut(pair, "=")
			if strings.EqualFold(strings.TrimSpace(name), "for") {
				hop = value
			}
		}
		out = append(out, hop)
	}
	return out
}
