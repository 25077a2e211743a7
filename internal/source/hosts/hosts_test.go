package hosts

import (
	"errors"
	"net"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func TestCheck(t *testing.T) {
	own, err := New([]string{"10.0.0.0/8", "*.internal.example.com", "secret.example.com", "127.0.0.1", "::1"}, []string{"169.254.20.10", "10.1.0.0/16", "git.internal.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		policy *Policy
		ok, no []string
	}{
		"defaults": {nil,
			[]string{"127.0.0.1", "[::1]", "localhost", "10.0.0.1", "git.example.com", "1.2.3.4", "example.com.", "a-1.example", "100.100.100.201", "x.metadata"},
			[]string{
				"169.254.169.254", "169.254.0.1", "fe80::1", "[fe80::1]", "fe80::1%eth0", "::ffff:169.254.169.254", "[::ffff:a9fe:a9fe]",
				"fd00:ec2::254", "100.100.100.200", "metadata.google.internal", "METADATA.google.internal.", "metadata",
				"2852039166", "0xa9fea9fe", "169.254.43518", "0251.0376.0251.0376", "169.254.169.0xfe", "1.2.3",
			}},
		"own": {own,
			[]string{"169.254.20.10", "10.1.2.3", "git.internal.example.com", "internal.example.com", "example.com", "127.0.0.2"},
			[]string{"169.254.169.254", "10.2.0.1", "a.internal.example.com", "A.B.internal.example.com.", "secret.example.com", "127.0.0.1", "::1", "::ffff:10.2.0.1"}},
	}
	for name, c := range cases {
		for _, host := range c.ok {
			if err := c.policy.Check(host); err != nil {
				t.Errorf("%s: %s: %v", name, host, err)
			}
		}
		for _, host := range c.no {
			if err := c.policy.Check(host); !errors.Is(err, model.ErrDenied) {
				t.Errorf("%s: %s: error %v, want ErrDenied", name, host, err)
			}
		}
	}
	for _, bad := range []string{"", "*", "a/b", "user@host", "1.2.3.4/40", "host:80"} {
		if _, err := New([]string{bad}, nil); !errors.Is(err, model.ErrInvalid) {
			t.Errorf("%q: error %v, want ErrInvalid", bad, err)
		}
	}
}

func TestResolveAndDial(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	_, port, _ := net.SplitHostPort(l.Addr().String())
	strict, err := New([]string{"127.0.0.0/8", "::1"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	named, err := New([]string{"127.0.0.0/8", "::1"}, []string{"localhost"})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		policy *Policy
		ok     bool
	}{"defaults": {nil, true}, "a name with a refused address": {strict, false}, "an allowed name": {named, true}} {
		conn, err := c.policy.Dial(t.Context(), "tcp", net.JoinHostPort("localhost", port))
		if (err == nil) != c.ok || err != nil && !errors.Is(err, model.ErrDenied) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			_ = conn.Close()
		}
	}
	if _, err := strict.Resolve(t.Context(), "no-such-host.invalid"); !errors.Is(err, model.ErrTransient) {
		t.Errorf("a name that does not exist: %v", err)
	}
}
