// Package hosts decides which machines a source may make us connect to. By
// default link-local addresses are refused, and the names and addresses under
// which clouds hand out a machine's credentials; everything else is allowed.
package hosts

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Policy is what may be connected to. The zero value, and nil, have the defaults
// alone.
type Policy struct{ deny, allow list }

// list are patterns of hosts.
type list struct {
	names    []string // of their own, or with a dot before for all beneath
	prefixes []netip.Prefix
}

var defaults = mustParse(
	"169.254.0.0/16", "fe80::/10", "224.0.0.0/24", "ff02::/16",
	"100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254",
	"metadata", "metadata.google.internal", "metadata.goog", "instance-data",
)

// New makes a policy that refuses what deny says besides the defaults, but for
// what allow says. Both hold host names, *.suffixes, addresses, and networks as
// 10.0.0.0/8. model.ErrInvalid if one of them is none of that.
func New(deny, allow []string) (*Policy, error) {
	d, err := parse(deny)
	if err != nil {
		return nil, fmt.Errorf("hosts to refuse: %w", err)
	}
	a, err := parse(allow)
	if err != nil {
		return nil, fmt.Errorf("hosts to allow: %w", err)
	}
	return &Policy{deny: d, allow: a}, nil
}

// here are the addresses of this machine.
var here = mustParse("127.0.0.0/8", "::1", "0.0.0.0/8", "::", "localhost", "*.localhost")

// NotHere is the policy for what a stranger names: this machine is refused, too,
// but for what is allowed by the policy's own words.
func (p *Policy) NotHere() *Policy {
	var q Policy
	if p != nil {
		q = *p
	}
	q.deny = list{names: slices.Concat(q.deny.names, here.names), prefixes: slices.Concat(q.deny.prefixes, here.prefixes)}
	return &q
}

func mustParse(patterns ...string) list {
	l, err := parse(patterns)
	if err != nil {
		panic(err)
	}
	return l
}

func parse(patterns []string) (list, error) {
	var l list
	for _, p := range patterns {
		if prefix, err := netip.ParsePrefix(p); err == nil {
			l.prefixes = append(l.prefixes, prefix.Masked())
		} else if addr, err := netip.ParseAddr(strings.Trim(p, "[]")); err == nil {
			addr = plain(addr)
			l.prefixes = append(l.prefixes, netip.PrefixFrom(addr, addr.BitLen()))
		} else if name := strings.TrimPrefix(p, "*"); name != "" && !strings.ContainsAny(name, "*/:@ ") {
			l.names = append(l.names, canonical(name))
		} else {
			return l, model.Invalidf("%q is neither a host name, nor *.suffix, an address or a network", p)
		}
	}
	return l, nil
}

func canonical(host string) string { return strings.TrimSuffix(strings.ToLower(host), ".") }

func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

func (l list) hasName(host string) bool {
	return slices.ContainsFunc(l.names, func(n string) bool {
		return n == host || strings.HasPrefix(n, ".") && strings.HasSuffix(host, n)
	})
}

func (l list) hasAddr(a netip.Addr) bool {
	return slices.ContainsFunc(l.prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}

func refused(what string) error {
	return model.As(model.ErrDenied, fmt.Errorf("connections to %s are not allowed; the operator can allow them", what))
}

// CheckAddr refuses an address. model.ErrDenied.
func (p *Policy) CheckAddr(addr netip.Addr) error {
	addr = plain(addr)
	var own Policy
	if p != nil {
		own = *p
	}
	if !own.allow.hasAddr(addr) && (own.deny.hasAddr(addr) || defaults.hasAddr(addr)) {
		return refused("the address " + addr.String())
	}
	return nil
}

// Check refuses a host by what can be told without looking it up: for one that is
// reached through a proxy. model.ErrDenied.
func (p *Policy) Check(host string) error {
	_, err := p.check(host)
	return err
}

// check also reports whether the host is allowed whatever its addresses are.
func (p *Policy) check(host string) (bool, error) {
	host = canonical(strings.Trim(host, "[]"))
	if addr, err := netip.ParseAddr(host); err == nil {
		return false, p.CheckAddr(addr)
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	if strings.HasPrefix(last, "0x") || strings.Trim(last, "0123456789") == "" {
		// Some programs read such a name as an address: 2852039166, 0xa9.254.1.
		return false, refused("the host " + host)
	}
	var own Policy
	if p != nil {
		own = *p
	}
	switch {
	case own.allow.hasName(host):
		return true, nil
	case own.deny.hasName(host) || defaults.hasName(host):
		return false, refused("the host " + host)
	}
	return false, nil
}

// Resolve looks a host up and refuses it if any of its addresses is refused, so
// that whoever connects to one of the addresses reaches nothing else.
// model.ErrDenied; model.ErrTransient if it can't be looked up.
func (p *Policy) Resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	allowed, err := p.check(host)
	if err != nil {
		return nil, err
	}
	host = strings.Trim(host, "[]")
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, lookupError(host, err)
	}
	for i, addr := range addrs {
		addrs[i] = addr.Unmap()
		if err := p.CheckAddr(addr); err != nil && !allowed {
			return nil, fmt.Errorf("%s: %w", host, err)
		}
	}
	return addrs, nil
}

func lookupError(host string, err error) error {
	text := "it can't be looked up"
	var dns *net.DNSError
	if errors.As(err, &dns) {
		text = dns.Err
	}
	return model.As(model.ErrTransient, fmt.Errorf("the host name %s cannot be resolved (%s); check the URL and the name server", host, text))
}

// Dial is a DialContext that connects to what the policy allows alone.
func (p *Policy) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addrs, err := p.Resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}
	var first error
	for _, addr := range addrs {
		conn, err := dialer.DialContext(ctx, network, net.JoinHostPort(addr.String(), port))
		if err == nil {
			return conn, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}
