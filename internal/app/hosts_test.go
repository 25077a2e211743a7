package app

import (
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/cli"
	"github.com/fixpoint-cd/fixpoint/internal/signin"
)

// TestHosts: anonymous readers are let in at the hosts of all addresses that argocd-cm says.
func TestHosts(t *testing.T) {
	a := &accessKeeper{
		enforcer: &access.Enforcer{}, service: signin.New(signin.Config{}), log: slog.New(slog.DiscardHandler),
		isRead: make(chan struct{}), tell: func() {},
	}
	if got := a.hosts(); got != nil {
		t.Errorf("before the settings are read: %q", got)
	}
	a.use(t.Context(), declaredAccess{main: map[string]string{
		"url": "https://fixpoint.example:8443/", "additionalUrls": "- https://other.example\n- http://[fd00::1]:8088\n- nonsense\n",
	}})
	want := []string{"other.example", "[fd00::1]:8088", "fixpoint.example:8443"}
	if diff := cmp.Diff(want, a.hosts()); diff != "" {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
	a.use(t.Context(), declaredAccess{})
	if got := a.hosts(); len(got) > 0 {
		t.Errorf("without any address: %q", got)
	}
}

func TestHostFlag(t *testing.T) {
	for name, ok := range map[string]bool{
		"fixpoint.example.com": true, "fixpoint": true, "": false, "https://fixpoint.example.com": false,
		"fixpoint.example.com:8088": false, "*.example.com": false, "a@b": false,
	} {
		opt := Options{}
		if err := uiOptions(cli.ControllerFlags{UIHosts: []string{name}}, &opt); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		} else if ok && len(opt.UIHosts) != 1 {
			t.Errorf("%q is not used", name)
		}
	}
}
